import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// A log on its own, without a store around it.
final class LogFixture: Sendable {
  static let place: FilePath = "/store"

  let fileSystem: any FileSystem
  let log: WriteAheadLog
  private let state: State

  /// What was applied, in the order in which it was, and the newest file's number.
  private final class State: Sendable {
    let applied = Mutex<[LogRecord]>([])
    let newestNumber = Mutex<UInt64>(0)
  }

  var applied: [LogRecord] { state.applied.withLock { $0 } }
  var newestNumber: UInt64 { state.newestNumber.withLock { $0 } }

  static func options() -> WriteAheadLog.Options {
    var options = WriteAheadLog.Options()
    options.fileByteCountMin = 4 << 10
    options.fileByteCountMax = 16 << 10
    options.isPreparingAhead = false
    return options
  }

  /// Reads the log that is there and goes on behind it.
  init(
    _ fileSystem: any FileSystem, options: WriteAheadLog.Options = options(),
    root: FilePath = place, newestNumber: UInt64 = 0
  ) throws {
    self.fileSystem = fileSystem
    let place = LogFixture.place(fileSystem, root: root)
    if try fileSystem.kind(of: root) == nil {
      try fileSystem.createDirectory(root)
      try fileSystem.synchronizeDirectory(root.removingLastComponent())
    }
    var found: [LogRecord] = []
    let position = try LogRecovery(at: place, newestNumber: newestNumber).recover(above: 0) {
      record in found.append(record)
    }
    let state = State()
    state.applied.withLock { $0 = found }
    state.newestNumber.withLock { $0 = newestNumber }
    self.state = state
    log = WriteAheadLog(at: place, position: position, options: options) { number in
      state.newestNumber.withLock { $0 = number }
    }
  }

  @discardableResult
  func append(_ payload: [UInt8], isDurable: Bool = true) throws -> UInt64 {
    let state = state
    return try log.append(payload, isDurable: isDurable) { lsn in
      state.applied.withLock { $0.append(LogRecord(lsn: lsn, payload: payload)) }
    }
  }

  static func place(_ fileSystem: any FileSystem, root: FilePath = place) -> LogPlace {
    LogPlace(
      StoreLayout(root: root), fileSystem: fileSystem, storeID: StoreID(high: 1, low: 2))
  }

  /// All records of a log above `lsn`.
  static func records(
    _ fileSystem: any FileSystem, above lsn: UInt64 = 0, newestNumber: UInt64 = 0,
    isWriterActive: Bool = false
  ) throws -> [LogRecord] {
    var found: [LogRecord] = []
    let recovery = LogRecovery(
      at: place(fileSystem), newestNumber: newestNumber, isWriterActive: isWriterActive)
    _ = try recovery.recover(above: lsn) { record in found.append(record) }
    return found
  }

  /// Bytes that tell payload `number` from all others; a third are mostly zeros.
  static func payload(_ number: Int, byteCount: Int) -> [UInt8] {
    var random = SplitMix64(seed: UInt64(number))
    var bytes: [UInt8] = (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    while bytes.count < byteCount {
      bytes.append(number % 3 == 1 ? 0 : UInt8(truncatingIfNeeded: random.next()))
    }
    return bytes
  }
}

extension LogRecord {
  /// The number that `LogFixture.payload` wrote.
  var number: Int { payload.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) } }
}
