import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// Batches that can be told apart, and stores in which every file-system call is made in order.
enum IngestFixture {
  static let path: FilePath = "/store"

  static func options() -> Store.Options {
    var options = Store.Options()
    options.isFlushingInBackground = false
    options.log.isPreparingAhead = false
    options.log.fileByteCountMin = 16 << 10
    options.log.fileByteCountMax = 32 << 10
    return options
  }

  static func open(
    _ fileSystem: MemoryFileSystem, options: Store.Options = options()
  ) throws -> Store {
    if try fileSystem.kind(of: "/") == nil { try fileSystem.createDirectory("/") }
    return try Store.open(
      path, mode: .readWrite(creating: true), fileSystem: fileSystem, options: options)
  }

  /// Rows `number * 100 ..< number * 100 + count` over a few days.
  static func rows(_ number: Int, count: Int = 7) -> [TestRow] {
    (0..<count).map { index in
      let day = Int64(20_454 + (number + index) % 3)
      return [
        "time": .timestamp(day * Day.microsecondsPerDay + Int64(number) * 1_000),
        "org": TestRows.text("org-\(number % 5)"), "input_tokens": .int(Int128(number)),
        "session": TestRows.text("batch \(number)"), "sequence": .int(Int128(number * 100 + index)),
      ]
    }
  }

  /// The numbers of all rows of a snapshot that are not dead, sorted.
  static func sequences(_ snapshot: StoreSnapshot) throws -> [Int] {
    guard let column = snapshot.schema.column(named: "sequence") else { return [] }
    var found: [Int] = []
    for reader in snapshot.segments {
      let deleted = snapshot.deletedRows[reader.info.id]
      let values = try SegmentValues.read(reader, column, snapshot)
      for (row, value) in values.enumerated() where deleted?.contains(row) != true {
        if case .int(let number) = value { found.append(Int(number)) }
      }
    }
    return found.sorted()
  }

  static func sequences(_ rows: [TestRow]) -> [Int] {
    rows.compactMap { if case .int(let number)? = $0["sequence"] { Int(number) } else { nil } }
      .sorted()
  }
}
