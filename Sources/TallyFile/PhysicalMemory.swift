#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How much memory the machine has.
package enum PhysicalMemory {
  /// In bytes; 4 GiB where the system does not say.
  package static var byteCount: Int {
    let pageCount = sysconf(Int32(_SC_PHYS_PAGES))
    let pageByteCount = sysconf(Int32(_SC_PAGESIZE))
    guard pageCount > 0, pageByteCount > 0 else { return 4 << 30 }
    return pageCount.multipliedReportingOverflow(by: pageByteCount).partialValue
  }
}
