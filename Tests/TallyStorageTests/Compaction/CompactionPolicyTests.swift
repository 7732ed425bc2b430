import TallyBase
import TallyStorage
import Testing

/// What compaction rewrites, by how much of it is dead.
@Suite("Compaction policy")
struct CompactionPolicyTests {
  @Test(
    "Dead rows wait longer on a day that rows come to",
    arguments: [
      (50, false, false), (51, false, true), (51, true, false), (200, true, false),
      (201, true, true),
    ])
  func deadRows(deadCount: Int, isBusy: Bool, isRewritten: Bool) {
    let segment = SegmentInfo(
      id: 7, day: Day(number: 20_454), rowCount: 1_000, byteCount: 10_000, timeMinimum: 0,
      timeMaximum: 1)
    let chosen = CompactionPolicy(options: CompactionOptions()).choose(
      [segment], deadCounts: [7: deadCount], isBusy: isBusy, extent: .tiered)
    #expect(chosen.map(\.id) == (isRewritten ? [7] : []))
  }
}
