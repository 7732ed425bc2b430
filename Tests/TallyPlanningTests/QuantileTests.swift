import TallyPlanning
import Testing

/// Expected values were computed by DuckDB.
@Suite struct QuantileTests {
  @Test(arguments: [
    (0.07, 100, 6), (0.14, 100, 13), (0.29, 10, 2), (0.3, 10, 2), (0.7, 10, 6), (0, 3, 0),
    (1, 3, 2), (0.34, 3, 1), (0.5, 1, 0),
  ])
  func discreteRanks(_ fraction: Double, _ count: Int, _ rank: Int) {
    #expect(Quantile.discreteRank(fraction, count: count) == rank)
  }

  @Test(
    arguments: [
      (1_000, 1_001, 0.5, 1_000), (-1_001, -1_000, 0.5, -1_000), (-1_000, 1_001, 0.5, 0),
      (1_000, 1_001, 0.75, 1_000), (-1_001, -1_000, 0.25, -1_000), (-10, 0, 0.9, 0),
      (-393, -48, 0.4, -255),
    ] as [(Int128, Int128, Double, Int128)])
  func decimalsAreCutTowardZero(
    _ low: Int128, _ high: Int128, _ fraction: Double, _ expected: Int128
  ) {
    #expect(Quantile.interpolateDecimal(low, high, fraction: fraction) == expected)
  }

  @Test(
    arguments: [
      (13, 19, 0.25, 15), (-20, 2, 0.25, -15), (17, 20, 0.5, 19), (-2, 19, 0.5, 9),
    ] as [(Int64, Int64, Double, Int64)])
  func timestampsRoundHalfAwayFromZero(
    _ low: Int64, _ high: Int64, _ fraction: Double, _ expected: Int64
  ) {
    #expect(Quantile.interpolateTimestamp(low, high, fraction: fraction) == expected)
  }
}
