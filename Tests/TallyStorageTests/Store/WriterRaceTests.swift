import Foundation
import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import Testing

@Suite("Writers that race")
struct WriterRaceTests {
  /// A loser takes a millisecond; a loaded machine that has a hundred threads to serve, longer.
  private static let loserNanosecondsMax: UInt64 = 2_000_000_000

  @Test("Of a hundred that open a store at once exactly one writes; the others are told who")
  func hundredOpenings() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "tally-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = FilePath(folder.path)
    try Store.open(path, mode: .readWrite(creating: true), fileSystem: PosixFileSystem()).close()
    let winners = Mutex<[Store]>([])
    let losers = Mutex<[(message: String, nanoseconds: UInt64)]>([])
    let pool = WorkerPool(threadCount: 100)
    try pool.run(count: 100) { (_, _) throws(TallyError) in
      let start = SteadyClock.nowNanoseconds()
      do throws(TallyError) {
        let store = try Store.open(
          path, mode: .readWrite(creating: false), fileSystem: PosixFileSystem())
        winners.withLock { $0.append(store) }
      } catch {
        guard error.code == .locked else { throw error }
        let duration = SteadyClock.nowNanoseconds() - start
        losers.withLock { $0.append((error.message, duration)) }
      }
    }
    #expect(winners.withLock { $0.count } == 1)
    let lost = losers.withLock { $0 }
    #expect(lost.count == 99)
    #expect(lost.allSatisfy { $0.nanoseconds < Self.loserNanosecondsMax })
    // The winner may not have written its name yet when the first losers look.
    #expect(lost.contains { $0.message.contains("process \(getpid())") })
    try winners.withLock { $0.first }?.close()
    try Store.open(path, mode: .readWrite(creating: false), fileSystem: PosixFileSystem()).close()
  }
}
