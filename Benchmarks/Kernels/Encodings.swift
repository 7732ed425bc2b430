import Foundation
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage

/// Every page encoding: encoding, decoding to 64 bits, decoding to 32 bits with the sum of what
/// came out, on data that it is meant for.
struct Encodings {
  private static let rowCount = 8 * SegmentReader.rowGroupRowCount
  private static let columnID = 31
  private static let day = Day(number: 20_454)

  /// Encodings that need no other column; what the others decode to is mostly decoding those.
  private static let standAlone: [PageEncoding] = [
    .constant, .runLength, .bitPacked, .delta, .dictionary, .sparse, .bytePlanes, .plain,
  ]

  private let report: Report
  private let memory: Double

  init(_ report: Report, _ memory: Double) {
    self.report = report
    self.memory = memory
  }

  func run() throws {
    report.title("Encodings, pages in memory")
    report.header([
      "encoding", "bytes a value", "encode M values/s", "decode to 64 bits G values/s",
      "decoded GB/s", "of memory", "narrow decode and sum G values/s", "plain sum", "share",
    ])
    for encoding in Encodings.standAlone {
      try measure(encoding, Encodings.values(for: encoding))
    }
  }

  /// Rows as the encoding likes them.
  static func values(for encoding: PageEncoding) -> [Int64] {
    var random = Scatter(seed: UInt64(encoding.rawValue))
    let distinct = (0..<200).map { _ in Int64(random.below(1 << 30)) }
    var clock: Int64 = 1_767_225_600_000_000
    return (0..<rowCount).map { row in
      switch encoding {
      case .constant: return 7
      case .runLength: return Int64(row / 600)
      case .bitPacked: return Int64(random.below(1 << 14)) * 1_000
      case .delta:
        clock += Int64(random.below(400_000))
        return clock
      case .dictionary: return distinct[random.skewed(200)]
      case .sparse: return random.below(20) == 0 ? Int64(random.below(5_000)) : 0
      case .bytePlanes: return Int64(random.skewed(1 << 21))
      default: return Int64(truncatingIfNeeded: random.next())
      }
    }
  }

  private func measure(_ encoding: PageEncoding, _ values: [Int64]) throws {
    let name = "\(encoding)"
    let column = ColumnSchema(id: Encodings.columnID, name: "input_tokens", type: .int64)
    let data = SegmentColumnData(column: column, values: .int64(values))
    let options = SegmentWriter.Options(forcedEncoding: encoding)
    var bytes: [UInt8] = []
    let encode = try report.seconds {
      bytes = try SegmentWriter.encode(
        day: Encodings.day, rowCount: values.count, columns: [data], options: options)
    }
    let pages = try Encodings.pages(of: bytes, rowCount: values.count)
    guard pages.allSatisfy({ $0.encoding == encoding }) else {
      throw WrongAnswer("\(name) pages are \(Set(pages.map(\.encoding)))")
    }
    try check(pages, values, name)

    let room = UnsafeMutablePointer<Int64>.allocate(capacity: Page.blockRowCount)
    defer { unsafe room.deallocate() }
    let decode = report.seconds {
      for page in pages {
        for block in 0..<page.blockCount { _ = unsafe page.decodeInt64(block: block, into: room) }
      }
    }
    let count = Double(values.count)
    let decoded = count * 8 / decode / 1e9
    report.line(
      [
        name, Report.figure(Double(bytes.count) / count), Report.figure(count / encode / 1e6),
        Report.figure(count / decode / 1e9), Report.figure(decoded),
        Report.figure(decoded / memory),
      ] + (try narrow(pages, values, name)))
  }

  /// Decoding to 32 bits and adding up, beside adding up the decoded values.
  private func narrow(_ pages: [Page], _ values: [Int64], _ name: String) throws -> [String] {
    let expected = values.reduce(Int64(0), &+)
    var plain: Int64 = 0
    let loop = unsafe values.withUnsafeBufferPointer { values in
      report.seconds {
        var sum: Int64 = 0
        for index in 0..<values.count { unsafe sum &+= values[index] }
        plain = sum
      }
    }
    let count = Double(values.count)
    let rate = Report.figure(count / loop / 1e9)
    let room = UnsafeMutablePointer<UInt32>.allocate(capacity: Page.blockRowCount)
    defer { unsafe room.deallocate() }
    var total: Int64?
    let seconds = report.seconds { total = unsafe Encodings.sum(pages, room) }
    guard let total else { return ["-", rate, "-"] }
    guard total == expected, plain == expected else { throw WrongAnswer("sum of \(name)") }
    return [
      Report.figure(count / seconds / 1e9), rate, report.share("\(name) decoding", loop / seconds),
    ]
  }

  /// Nil where a block does not fit 32 bits.
  private static func sum(_ pages: [Page], _ room: UnsafeMutablePointer<UInt32>) -> Int64? {
    var total: Int64 = 0
    for page in pages {
      for block in 0..<page.blockCount {
        guard let affine = unsafe page.decodeNarrow(block: block, into: room) else { return nil }
        let rows = page.rowCount(block: block)
        var raw: UInt64 = 0
        // SAFETY: decoding has just written the block's rows.
        for row in 0..<rows { unsafe raw &+= UInt64(room[row]) }
        total &+= affine.base &* Int64(rows) &+ affine.scale &* Int64(truncatingIfNeeded: raw)
      }
    }
    return total
  }

  private func check(_ pages: [Page], _ values: [Int64], _ name: String) throws {
    let room = UnsafeMutablePointer<Int64>.allocate(capacity: Page.blockRowCount)
    defer { unsafe room.deallocate() }
    var row = 0
    for page in pages {
      for block in 0..<page.blockCount {
        for index in 0..<(unsafe page.decodeInt64(block: block, into: room)) {
          guard unsafe room[index] == values[row] else {
            throw WrongAnswer("\(name) decodes row \(row) wrongly")
          }
          row += 1
        }
      }
    }
    guard row == values.count else { throw WrongAnswer("\(name) decodes \(row) rows") }
  }

  /// The pages of the one column of a segment, read back from a file.
  private static func pages(of bytes: [UInt8], rowCount: Int) throws -> [Page] {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("tally-kernels-\(UUID().uuidString).seg")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    let reader = SegmentReader(
      info: SegmentInfo(
        id: 1, day: day, rowCount: rowCount, byteCount: Int64(bytes.count), timeMinimum: 0,
        timeMaximum: 0),
      path: FilePath(url.path), fileSystem: PosixFileSystem(),
      cache: PageCache(byteCountMax: 1 << 30))
    guard let column = try reader.footer().column(id: columnID) else { return [] }
    var pages: [Page] = []
    for (rowGroup, chunk) in column.chunks.enumerated() {
      for index in chunk.pages.indices {
        pages.append(try reader.page(column: columnID, rowGroup: rowGroup, index: index))
      }
    }
    return pages
  }
}
