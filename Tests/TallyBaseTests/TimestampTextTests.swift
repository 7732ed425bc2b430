import TallyBase
import Testing

@Suite struct TimestampTextTests {
  @Test(arguments: [
    ("2026-01-05", "2026-01-05T00:00:00Z"), (" 2026-01-05 ", "2026-01-05T00:00:00Z"),
    ("2026-01-05T10:11", "2026-01-05T10:11:00Z"), ("2026-01-05 10:11:12", "2026-01-05T10:11:12Z"),
    ("2026-01-05t10:11:12z", "2026-01-05T10:11:12Z"),
    ("2026-01-05 10:11:12 UTC", "2026-01-05T10:11:12Z"),
    ("2026-01-05T10:11:12.5Z", "2026-01-05T10:11:12.5Z"),
    ("2026-01-05T10:11:12.1234567899Z", "2026-01-05T10:11:12.123456Z"),
    ("2026-01-05T10:11:12,25Z", "2026-01-05T10:11:12.25Z"),
    ("2026-01-05T00:30:00+02:00", "2026-01-04T22:30:00Z"),
    ("2026-01-05T00:30:00-0530", "2026-01-05T06:00:00Z"),
    ("2026-01-05T00:30:00+02", "2026-01-04T22:30:00Z"),
    ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
    ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
    ("0001-01-01", "0001-01-01T00:00:00Z"), ("2024-02-29", "2024-02-29T00:00:00Z"),
  ])
  func readsEveryForm(_ text: String, _ expected: String) throws {
    #expect(TimestampText.format(try #require(TimestampText.parse(text))) == expected)
  }

  @Test(arguments: [
    "", "2026", "2026-01", "2026-13-01", "2026-02-29", "2026-01-05T", "2026-01-05T24:00",
    "2026-01-05T10", "2026-01-05T10:60", "2026-01-05T10:11:61", "2026-01-05T10:11:12.",
    "2026-01-05T10:11:12X", "2026-01-05T10:11:12+2", "2026-01-05T10:11:12+24:00", "20260105",
    "2026-01-05Z", "+026-01-05", "2026-01-05T10:11:12Z1", "2026-01-05 10:30:60",
  ])
  func refusesTheRest(_ text: String) {
    #expect(TimestampText.parse(text) == nil)
  }

  /// Printing and reading back is the identity, at both ends of the four-digit years and around
  /// every unit's boundary.
  @Test func roundTrips() {
    var step: Int64 = 1
    while step < 200_000_000_000_000_000 {
      let around = [step - 1, step, step + 1].flatMap { [$0, -$0] }
      for time in around where time > -62_135_596_800_000_000 {
        #expect(TimestampText.parse(TimestampText.format(time)) == time)
        #expect(TimestampText.parse(TimestampText.formatPlain(time)) == time)
      }
      step *= 7
    }
  }
}
