import Foundation
import SystemPackage
import TallyBase
import TallyFile

/// What a sync of the disk takes: 4 KiB written and synced, again and again.
struct DiskProbe {
  let p50: Double
  let p99: Double

  init(_ directory: URL, count: Int = 400) throws {
    let fileSystem = PosixFileSystem()
    let path = FilePath(directory.appendingPathComponent("probe").path)
    let file = try fileSystem.open(path, .createNew)
    let block = [UInt8](repeating: 7, count: 4_096)
    for index in 0..<count { try file.write(block, at: Int64(index * 4_096)) }
    try file.synchronize()
    var times: [Double] = []
    for index in 0..<count {
      times.append(
        try Timing.seconds {
          try file.write(block, at: Int64(index * 4_096))
          try file.synchronize()
        })
    }
    try file.close()
    try fileSystem.remove(path)
    p50 = Timing.quantile(times, 0.5)
    p99 = Timing.quantile(times, 0.99)
  }
}
