import TallyBase
import TallyIngest
import Testing

@Suite struct CsvTests {
  private func row(_ cells: Row) -> Row {
    cells.merging(["time": .integer(1_700_000_000_000_000)]) { old, _ in old }
  }

  @Test func `quotes, line breaks, empty fields and CRLF`() throws {
    let text =
      "time,org,feature,input_tokens,cost\r\n"
      + "1700000000,\"a, b\",\"line\r\nbreak\",5,0.5\r\n"
      + "1700000000,,\"\",,\r\n"
      + "\r\n"
      + "1700000000,\"say \"\"hi\"\"\",x,\"6\",1e-3"
    let result = try imported(text, .csv)
    #expect(result.rejections.isEmpty, "\(result.rejections)")
    let expected = [
      row([
        "org": .text("a, b"), "feature": .text("line\r\nbreak"), "input_tokens": .integer(5),
        "cost": .integer(500_000_000),
      ]),
      row(["feature": .text("")]),
      row([
        "org": .text("say \"hi\""), "feature": .text("x"), "input_tokens": .integer(6),
        "cost": .integer(1_000_000),
      ]),
    ]
    #expect(result.rows == expected)
  }

  @Test(arguments: [",", ";", "\t"])
  func `delimiters are told by the header`(delimiter: String) throws {
    let text = [["time", "org"], ["1700000000", "a"]].map { $0.joined(separator: delimiter) }
    let result = try imported(text.joined(separator: "\n"), .csv)
    #expect(result.rows == [row(["org": .text("a")])])
  }

  @Test func `new columns get the type of their first value`() throws {
    let text = """
      time,a,b,c,d,e
      1700000000,,,,,
      1700000000,1,1.5,true,x,007
      1700000000,2,3,false,9,1
      """
    let result = try imported(text, .csv)
    #expect(result.rejections.isEmpty)
    let expected = [
      row([:]),
      row([
        "a": .integer(1), "b": .double(1.5), "c": .bool(true), "d": .text("x"), "e": .text("007"),
      ]),
      row([
        "a": .integer(2), "b": .double(3), "c": .bool(false), "d": .text("9"), "e": .text("1"),
      ]),
    ]
    #expect(result.rows == expected)
  }

  @Test func `bad records are rejected with their line`() throws {
    let text = """
      time,org,input_tokens
      1700000000,a,1
      1700000000,a
      1700000000,a,b
      1700000000,"a"x,1
      1700000000,"two
      lines",1
      ,a,1
      1700000000,"open,1
      1700000000,b,2
      """
    let result = try imported(text, .csv)
    #expect(result.rejections.map(\.line) == [3, 4, 5, 8, 9])
    let reasons = ["2 fields", "not a number", "after a closing quote", "no time", "not closed"]
    for (rejection, reason) in zip(result.rejections, reasons) {
      #expect(rejection.reason.contains(reason), "\(rejection.reason)")
    }
    #expect(result.rows.count == 3)
    #expect(result.rows.last == row(["org": .text("b"), "input_tokens": .integer(2)]))
  }

  @Test func `a header that is none fails the input`() throws {
    #expect(try imported("time,org,org\n1,a,b\n", .csv).failure?.code == .invalidInput)
    #expect(try imported("time,\"org\n1,a\n", .csv).failure?.code == .invalidInput)
    #expect(try imported("", .csv) == Imported(rows: [], rejections: [], failure: nil))
  }

  @Test func `rows without quotes equal a plain split`() throws {
    var random = SeededRandom(seed: 3)
    var text = "time,org,input_tokens,latency_ms\n"
    var expected: [Row] = []
    for _ in 0..<500 {
      let org = String(
        (0..<Int.random(in: 1...20, using: &random)).map { _ in
          "abcdefghijklmnop-é".randomElement(using: &random) ?? "a"
        })
      let tokens = Int64.random(in: 0...999_999_999_999, using: &random)
      let latency = Int64.random(in: 0...9_999_999, using: &random)
      let padded = String(repeating: "0", count: max(0, 3 - String(latency % 1_000).count))
      text += "1700000000,\(org),\(tokens),\(latency / 1_000).\(padded)\(latency % 1_000)\n"
      expected.append(
        row([
          "org": .text(org), "input_tokens": .integer(tokens), "latency_ms": .integer(latency),
        ]))
    }
    let result = try imported(text, .csv)
    #expect(result.rejections.isEmpty)
    #expect(result.rows == expected)
  }
}
