import TallyBase
import TallyPlanning
import Testing

/// Values of constant expressions. Every expected value was computed by DuckDB, except division by
/// zero, which is NULL here and an error there.
@Suite struct ScalarEvaluatorTests {
  @Test(arguments: [
    ("7 // 2", "3"), ("-7 // 2", "-3"), ("7 // -2", "-3"), ("-7 % 3", "-1"), ("7 % -3", "1"),
    ("7.5 % 2", "1.5"), ("5 // 0", "NULL"), ("5 % 0", "NULL"), ("5 / 0", "NULL"),
    ("7.5 // 2", "3.75"), ("1.5 + 1", "2.5"), ("1.5 * 1.5", "2.25"), ("1 / 4", "0.25"),
    ("-9223372036854775808", "-9223372036854775808"), ("1e0 % 0.3e0", "0.10000000000000003"),
    ("abs(-5)", "5"), ("sign(-2.5)", "-1"), ("sqrt(-1)", "nan"), ("ln(0)", "-inf"),
    ("power(2, 10)", "1024.0"), ("floor(-1.5)", "-2"), ("ceil(-1.5)", "-1"), ("floor(5)", "5.0"),
  ])
  func arithmetic(_ expression: String, _ expected: String) throws {
    #expect(try PlanningFixture.value(expression) == expected)
  }

  @Test(arguments: [
    ("round(0.5)", "1"), ("round(-2.5)", "-3"), ("round(2.345, 2)", "2.35"),
    ("round(1234.5, -2)", "1200"), ("round(25, -1)", "30"), ("round(-25, -1)", "-30"),
    ("round(2.5e0)", "3.0"), ("round(1.005e0, 2)", "1.0"), ("round(2.345e0, 2)", "2.35"),
    ("CAST(2.5e0 AS bigint)", "2"), ("CAST(3.5e0 AS bigint)", "4"), ("CAST(2.5 AS bigint)", "3"),
    ("CAST(-2.5 AS bigint)", "-3"), ("CAST(1.25 AS decimal(4,1))", "1.3"),
    ("CAST('2.5' AS bigint)", "3"), ("CAST('1e3' AS bigint)", "1000"),
    ("CAST(' 12 ' AS bigint)", "12"), ("CAST('-0.5' AS bigint)", "-1"),
    ("CAST('1.005' AS decimal(4,2))", "1.01"), ("CAST('-.5' AS decimal(4,2))", "-0.50"),
    ("CAST(0.125e0 AS decimal(10,2))", "0.13"), ("CAST(1e20 AS text)", "1e+20"),
    ("CAST(100000e0 AS text)", "100000.0"), ("CAST('yes' AS bool)", "true"),
    ("CAST('N' AS bool)", "false"), ("CAST('2026-01-05 10:00' AS date)", "2026-01-05"),
    ("CAST(TIMESTAMP '1969-12-31 23:59:59' AS date)", "1969-12-31"),
  ])
  func roundingAndCasts(_ expression: String, _ expected: String) throws {
    #expect(try PlanningFixture.value(expression) == expected)
  }

  @Test(arguments: [
    ("substring('hello', 2, 3)", "ell"), ("substring('hello', 0, 2)", "h"),
    ("substring('hello', -3, 2)", "ll"), ("substring('hello', -10, 7)", "he"),
    ("substring('hello', 2, -1)", "h"), ("substring('hello', 4, -3)", "hel"),
    ("substring('hello', -1, -2)", "ll"), ("substring('héllo', 2, 2)", "él"),
    ("left('hello', -2)", "hel"), ("right('hello', -2)", "llo"), ("right('hello', -10)", ""),
    ("replace('aaa', 'a', 'bb')", "bbbbbb"), ("replace('abc', '', 'x')", "abc"),
    ("split_part('a-b-c', '-', -1)", "c"), ("split_part('a-b-c', '-', 0)", ""),
    ("split_part('abc', '', 2)", "b"), ("upper('àéßıŉ')", "ÀÉẞIŉ"), ("lower('ÀÉİẞ')", "àéiß"),
    ("length('👩‍👩‍👧')", "5"), ("'abc' LIKE 'a_c'", "true"), ("'aéc' LIKE 'a_c'", "true"),
    ("'ÀB' ILIKE 'à_'", "true"), ("'a' LIKE '%a%a%'", "false"), ("'' LIKE '_'", "false"),
    ("concat('a', NULL, 1)", "a1"), ("'a' || NULL", "NULL"), ("ends_with('abc', 'bc')", "true"),
    ("'{\"a\":1.50}'->>'a'", "1.5"), ("'{\"a\":{\"b\": 2}}'->>'a'", "{\"b\":2}"),
    ("'{\"a\":null}'->>'a'", "NULL"), ("'{\"a\":\"\\u00e9\\n\"}'->>'a'", "é\n"),
    ("'{\"a\":1e22}'->>'a'", "1e22"), ("'{\"a\":1,\"a\":2}'->>'a'", "1"),
    ("'[1]'->>'a'", "NULL"), ("'{\"a\":1'->>'a'", "NULL"),
  ])
  func text(_ expression: String, _ expected: String) throws {
    #expect(try PlanningFixture.value(expression) == expected)
  }

  @Test(arguments: [
    ("date_trunc('week', TIMESTAMP '1969-12-30')", "1969-12-29 00:00:00"),
    ("date_trunc('quarter', DATE '2026-05-15')", "2026-04-01 00:00:00"),
    ("time_bucket('7 hours', TIMESTAMP '1999-03-15 10:11:12.5')", "1999-03-15 07:00:00"),
    ("time_bucket('2 days', TIMESTAMP '2026-03-15 10:00:00')", "2026-03-15 00:00:00"),
    ("EXTRACT(week FROM TIMESTAMP '2027-01-01')", "53"),
    ("EXTRACT(dow FROM TIMESTAMP '2026-03-15')", "0"),
    ("EXTRACT(isodow FROM TIMESTAMP '2026-03-15')", "7"),
    ("TIMESTAMP '2026-01-31' + INTERVAL 1 month", "2026-02-28 00:00:00"),
    ("TIMESTAMP '2026-03-31' - INTERVAL 1 month", "2026-02-28 00:00:00"),
    ("DATE '2026-01-31' + 1", "2026-02-01"), ("DATE '2026-02-01' - DATE '2026-01-01'", "31"),
    ("epoch_ms(TIMESTAMP '1969-12-31 23:59:59.9995')", "-1"),
    ("date_diff('week', TIMESTAMP '2026-03-15', TIMESTAMP '2026-03-16')", "0"),
    ("date_diff('week', TIMESTAMP '2026-01-15 12:00:00', TIMESTAMP '2026-01-08')", "-1"),
    ("date_diff('year', TIMESTAMP '2026-01-01', TIMESTAMP '2025-12-31')", "-1"),
    (
      "strftime(TIMESTAMP '2026-03-05 07:08:09', '%j %a %y %p %I %-d %u %U %W %V')",
      "064 Thu 26 AM 07 5 4 09 09 10"
    ),
    ("now()", "2026-02-01 10:30:00"), ("today()", "2026-02-01"),
  ])
  func time(_ expression: String, _ expected: String) throws {
    #expect(try PlanningFixture.value(expression) == expected)
  }

  @Test(arguments: [
    ("NULL AND FALSE", "false"), ("NULL OR TRUE", "true"), ("NULL AND TRUE", "NULL"),
    ("2 IN (1, NULL)", "NULL"), ("1 IN (1, NULL)", "true"), ("2 NOT IN (1, NULL)", "NULL"),
    ("nullif(1, NULL)", "1"), ("greatest(1, NULL, 3)", "3"), ("coalesce(NULL, 2.5)", "2.5"),
    ("CASE NULL WHEN NULL THEN 1 ELSE 2 END", "2"), ("NOT NULL", "NULL"),
    ("1.10 = 1.1", "true"), ("2 > 1.9999999999", "true"), ("sqrt(-1) > 1e300", "true"),
  ])
  func logic(_ expression: String, _ expected: String) throws {
    #expect(try PlanningFixture.value(expression) == expected)
  }

  @Test(arguments: [
    "9223372036854775807 + 1", "-9223372036854775807 - 2", "9223372036854775807 * 2",
    "CAST(1e19 AS bigint)", "CAST('1e' AS double)", "CAST(123.456 AS decimal(4,2))",
    "CAST('' AS bigint)", "TIMESTAMP '2026-02-30'",
  ])
  func failures(_ expression: String) {
    #expect {
      _ = try PlanningFixture.value(expression)
    } throws: { error in
      (error as? TallyError)?.code == .invalidArgument
    }
  }
}
