import Foundation
import Testing

@Suite("tally inspect")
struct InspectTests {
  @Test("lists segments, then a segment's columns and pages")
  func inspect() throws {
    let store = try SmallStore()
    let list = try TallyProcess.run(["inspect", store.path, "--format", "csv"])
    let segment = list.output.split(separator: "\n").last?.split(separator: ",").first ?? ""
    #expect(segment.hasSuffix("/partitions/2026-01-05/00000001.seg"))
    let columns = try TallyProcess.run(["inspect", "--check", "--format", "csv", String(segment)])
    #expect(columns.output.contains("\ncost,\"decimal(18,9)\","))
    #expect(columns.output.contains(",-0.000000001,12.500000000,"))
    let pages = try TallyProcess.run(["inspect", "--pages", "--format", "csv", String(segment)])
    #expect(pages.output.contains("\n1,cost,0,0,"))
    #expect(try TallyProcess.run(["inspect", "no/such/thing.seg"]).status == 3)
  }

  @Test("shows where the bytes go, and they add up to the files")
  func sizes() throws {
    let store = try SmallStore()
    let list = try TallyProcess.run(["inspect", store.path, "--format", "csv"])
    let files = list.output.split(separator: "\n").dropFirst().reduce(0) { sum, line in
      sum + (Int(line.split(separator: ",")[3]) ?? 0)
    }
    let sizes = try TallyProcess.run(["inspect", "--sizes", store.path, "--format", "csv"])
    let rows = sizes.output.split(separator: "\n").dropFirst().map {
      // Names hold commas only where they are quoted, and those come after two plain fields.
      $0.replacing("\"header, section table, trailer\"", with: "rest")
        .split(separator: ",", omittingEmptySubsequences: false)
    }
    func bytes(_ kind: String) -> Int {
      rows.filter { $0[0] == kind }.reduce(0) { $0 + (Int($1[2]) ?? 0) }
    }
    #expect(bytes("column") > 0)
    #expect(bytes("column") == bytes("encoding"))
    #expect(bytes("column") + bytes("section") == files)
    #expect(rows.last?[1] == "files" && rows.last?[2] == "\(files)")
    #expect(rows.contains { $0[0] == "section" && $0[1] == "columns" })
  }

  @Test("lists the rollups of segments that are large enough to have some")
  func rollups() throws {
    let small = try SmallStore()
    let none = try TallyProcess.run(["inspect", "--rollups", small.path, "--format", "csv"])
    #expect(none.output == "segment,rollup,rows,bytes,bytes_per_event,contents\n")
    let scratch = try ScratchFolder()
    let path = scratch.url.appending(path: "day.tally").path
    let generated = try TallyProcess.run([
      "generate", "--db", path, "--events", "9000", "--days", "1", "--seed", "3",
    ])
    try #require(generated.status == 0)
    let some = try TallyProcess.run(["inspect", "--rollups", "--check", path, "--format", "csv"])
    #expect(some.status == 0)
    #expect(some.output.contains("\n1,all by day,1,"))
    #expect(some.output.contains("\n1,org by day,200,"))
  }
}
