import TallyBase
import TallyLanguage
import Testing

/// The runner itself: reading, comparing, rewriting.
@Suite struct SltParserTests {
  private let sample = """
    load basic
    now 2026-03-02T12:00:00Z

    # A comment.
    oracle select 2
    query IT rowsort
    select a,
      b from usage
    ----
    1\tx
    2\tNULL

    warning near
    skipif-matrix
    query error binding did you mean
    select c

    statement ok
    show columns
    """

  @Test func `records are read with their lines`() throws {
    let file = try SltParser.parse(name: "sample.slt", text: sample)
    #expect(file.dataSet == "basic")
    #expect(file.now == TimestampText.parse("2026-03-02T12:00:00Z"))
    #expect(file.records.map(\.line) == [6, 15, 18])
    #expect(file.records[0].text == "select a,\n  b from usage")
    #expect(file.records[0].rowLines == 10..<12)
    #expect(file.records[1].skipsMatrix)
    #expect(file.records[1].warnings == ["near"])
    guard case .rows("IT", true, ["1\tx", "2\tNULL"]) = file.records[0].expectation,
      case .failure("binding", "did you mean") = file.records[1].expectation,
      case .success = file.records[2].expectation
    else {
      Issue.record("\(file.records)")
      return
    }
  }

  @Test(arguments: [
    "query I\nselect 1\n----\n1", "load a\nquery X\nselect 1\n----", "load a\nqueri I\nselect 1",
    "load a\nquery I\nselect 1", "load a\nquery error nonsense\nselect 1",
    "load a\nquery I sorted\nselect 1\n----", "load a\nskipif-matrix", "load a\nnow then",
    "load a\nquery I\n\nselect 1\n----",
  ])
  func `what is not in the dialect is refused`(text: String) {
    #expect(throws: SltSyntaxError.self) { try SltParser.parse(name: "bad.slt", text: text) }
  }

  private func record(_ text: String) throws -> SltRecord {
    let file = try SltParser.parse(name: "r.slt", text: "load basic\n" + text)
    return file.records[0]
  }

  private func answer(_ rows: [[Value]], _ types: [LogicalType]) -> Result<SltAnswer, TallyError> {
    .success(SltAnswer(types: types, rows: rows, warnings: []))
  }

  @Test func `equal rows are equal and different rows are not`() throws {
    let wanted = try record("query ID\nselect 1\n----\n1\t-0.005\nNULL\t12.000")
    let decimal = LogicalType.decimal(precision: 18, scale: 3)
    let rows: [[Value]] = [
      [.int(1), .decimal(unscaled: -5, scale: 3)], [.null, .decimal(unscaled: 12_000, scale: 3)],
    ]
    #expect(wanted.difference(from: answer(rows, [.int64, decimal])) == nil)
    #expect(wanted.difference(from: answer(rows.reversed(), [.int64, decimal])) != nil)
    #expect(wanted.difference(from: answer(rows, [.int64, .double])) != nil)
    #expect(wanted.difference(from: answer(Array(rows.dropLast()), [.int64, decimal])) != nil)
  }

  @Test func `doubles may differ in their last digits only`() throws {
    let wanted = try record("query R\nselect 1\n----\n0.3")
    #expect(wanted.difference(from: answer([[.double(0.1 + 0.2)]], [.double])) == nil)
    #expect(wanted.difference(from: answer([[.double(0.300001)]], [.double])) != nil)
    #expect(wanted.difference(from: answer([[.double(.nan)]], [.double])) != nil)
  }

  @Test func `rowsort forgets the order`() throws {
    let wanted = try record("query I rowsort\nselect 1\n----\n2\n1")
    #expect(wanted.difference(from: answer([[.int(1)], [.int(2)]], [.int64])) == nil)
  }

  @Test func `an error is matched by code and text`() throws {
    let wanted = try record("query error binding model\nselect modle")
    let error = TallyError(.binding, "no column 'modle'", hint: "did you mean 'model'?")
    #expect(wanted.difference(from: .failure(error)) == nil)
    #expect(wanted.difference(from: .failure(TallyError(.syntax, "model"))) != nil)
    #expect(wanted.difference(from: .failure(TallyError(.binding, "unknown"))) != nil)
    #expect(wanted.difference(from: answer([], [])) != nil)
  }

  @Test func `completion replaces the rows and nothing else`() throws {
    let file = try SltParser.parse(name: "sample.slt", text: sample)
    let rewritten = SltCompletion.rewrite(sample, with: [(file.records[0], ["7\ty"])])
    #expect(rewritten == sample.replacing("1\tx\n2\tNULL", with: "7\ty"))
  }

  @Test func `data sets are read exactly`() throws {
    let basic = try SltDataSet.load("basic")
    #expect(basic.rows.count == 40)
    let batch = basic.batch
    #expect(batch.columns.map(\.name) == basic.columns.map(\.name))
    guard case .int64(let costs) = batch.column(named: "cost")?.values else {
      Issue.record("cost is not int64-backed")
      return
    }
    #expect(costs[16] == 999_999_999_999_999)
    #expect(batch.column(named: "cost")?.validity[8] == 0)
  }

  @Test func `there are at least 300 records`() throws {
    let records = try SltSuite.fileNames.map { try SltSuite.file($0).records.count }
    #expect(records.reduce(0, +) >= 300)
  }

  /// Grammar alone: a record that wants rows is in the language, and prints as it was meant.
  @Test(arguments: SltSuite.fileNames)
  func `records parse, or fail as they should`(name: String) throws {
    for record in try SltSuite.file(name).records {
      do throws(TallyError) {
        _ = try Parser.parse(record.text)
        if case .failure("syntax", _) = record.expectation, !name.hasPrefix("time/") {
          Issue.record("\(name):\(record.line): expected a syntax error: \(record.text)")
        }
      } catch {
        guard case .failure = record.expectation else {
          Issue.record("\(name):\(record.line): \(error)\n\(record.text)")
          continue
        }
      }
    }
  }
}
