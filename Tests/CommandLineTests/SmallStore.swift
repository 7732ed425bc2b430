import Foundation
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage

/// A store of five events, with what output formats find hard: NULL, empty text, quotes, commas,
/// line breaks, wide letters and control characters.
final class SmallStore: Sendable {
  private let scratch: ScratchFolder
  let path: String

  init() throws {
    scratch = try ScratchFolder()
    path = scratch.url.appending(path: "small.tally").path
    let store = try Store.open(
      FilePath(path), mode: .readWrite(creating: true), fileSystem: PosixFileSystem())
    let rows = try store.beginImport()
    try rows.add(SmallStore.events)
    _ = try rows.commit()
    try store.close()
  }

  private static var events: EventBatch {
    // 2026-01-05T10:00:00Z
    let start: Int64 = 1_767_607_200_000_000
    var orgs = StringTable()
    let names: [ByteString] = ["acme", "", "a,\"b\"\nc", "日本|\u{1B}[31m"]
    let codes = names.map { orgs.intern($0) }
    return EventBatch(
      rowCount: 5,
      columns: [
        EventColumn(
          name: "time", type: .timestamp,
          values: .int64([start, start + 1_500_000, start + 2_000_000, start + 3_000_001, start])),
        EventColumn(
          name: "org", type: .symbol, values: .symbol(codes: codes + [0], table: orgs)),
        EventColumn(
          name: "input_tokens", type: .int64,
          values: .int64([9_007_199_254_740_993, 2, 3, 4, 5])),
        EventColumn(
          name: "cost", type: .decimal(precision: 18, scale: 9),
          values: .int64([12_500_000_000, -1, 0, 1_000_000_000, 0]), validity: [1, 1, 1, 1, 0]),
        EventColumn(
          name: "success", type: .bool, values: .bool([1, 0, 1, 1, 0]), validity: [1, 1, 1, 1, 0]),
      ])
  }
}
