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
}
