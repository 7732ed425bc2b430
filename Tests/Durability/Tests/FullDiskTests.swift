import DurabilityKit
import SystemPackage
import TallyStorage
import TallyTestSupport
import Testing

/// A disk that is full now and has room later.
@Suite("Full disk") struct FullDiskTests {
  @Test("A full disk loses nothing, can be read, and writing goes on when there is room")
  func fill() throws {
    let disk = MemoryFileSystem()
    let byteCountMax = 10 << 20
    disk.limit(toByteCount: byteCountMax)
    try disk.createDirectory("/disk")
    var options = FillRun.Options(directory: "/disk")
    options.cycleCount = 6
    options.storeCycleCount = 3
    options.keptByteCountMax = 96 << 10
    options.freeByteCountMin = 1 << 20
    options.reserveByteCount = 512 << 10
    let summary = try FillRun.run(
      options, fileSystem: disk, freeByteCount: { byteCountMax - disk.byteCount })
    #expect(summary.failures.isEmpty)
    #expect(summary.fullCount == 6)
    #expect(summary.reserveCount > 0)
  }
}
