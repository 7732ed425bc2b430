import Foundation
package import SystemPackage

/// What the operating system says of disks and of this process.
package enum Measured {
  /// Bytes that may still be written below `path`.
  package static func freeByteCount(_ path: FilePath) throws -> Int {
    let values = try FileManager.default.attributesOfFileSystem(forPath: path.string)
    return (values[.systemFreeSize] as? NSNumber)?.intValue ?? 0
  }

  /// Memory of this process that is resident; 0 where the system does not say.
  package static var residentByteCount: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
      return 0
    }
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Open descriptors of this process; 0 where the system does not say.
  package static var descriptorCount: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
  }

  /// Bytes of all files below `path`.
  package static func byteCount(below path: FilePath) -> Int {
    guard let walker = FileManager.default.enumerator(atPath: path.string) else { return 0 }
    var sum = 0
    while walker.nextObject() != nil {
      if walker.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
        sum += (walker.fileAttributes?[.size] as? NSNumber)?.intValue ?? 0
      }
    }
    return sum
  }
}
