import TallyTerminal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The service manager that started the process, if it wants to know how it is (systemd's
/// `Type=notify`): one datagram to the socket that it names.
enum ServiceManager {
  /// Tells `READY=1`, `STOPPING=1` and the like; does nothing if nobody asked.
  static func notify(_ state: String) {
    guard let path = Environment.value("NOTIFY_SOCKET") else { return }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var name = Array(path.utf8)
    // A name in the abstract space begins with a zero byte.
    if name.first == UInt8(ascii: "@") { name[0] = 0 }
    guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    // SAFETY: the name is shorter than the field that it is copied to.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
    #if canImport(Darwin)
      let descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
    #else
      let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    #endif
    guard descriptor >= 0 else { return }
    defer { _ = close(descriptor) }
    let header = MemoryLayout.size(ofValue: address) - MemoryLayout.size(ofValue: address.sun_path)
    let size = socklen_t(header + name.count)
    let bytes = Array(state.utf8)
    // SAFETY: address and bytes are valid for their sizes during the call.
    _ = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        unsafe sendto(descriptor, bytes, bytes.count, 0, generic, size)
      }
    }
  }
}
