import Foundation
import TallyBase
import Testing

/// The language, as the files under SLT say it: the same answers in every configuration.
@Suite struct LanguageContractTests {
  @Test(arguments: SltSuite.selectedFileNames)
  func `queries answer as the contract says`(name: String) throws {
    let file = try SltSuite.file(name)
    if SltSuite.isCompleting { return try complete(file) }
    let records = file.records.filter(SltSuite.isSelected)
    let sound = try records.filter { record in
      try check(record, of: file, in: .plain)
    }
    for configuration in SltConfiguration.matrix {
      for record in sound where !record.skipsMatrix {
        _ = try check(record, of: file, in: configuration)
      }
    }
  }

  /// Whether the record got what it expects; a record that fails in the plain configuration is
  /// reported once and kept out of the matrix.
  private func check(
    _ record: SltRecord, of file: SltFile, in configuration: SltConfiguration
  ) throws -> Bool {
    let outcome = try SltEngine.shared.answer(
      record.text, dataSet: file.dataSet, now: file.now, configuration: configuration)
    guard let difference = record.difference(from: outcome) else { return true }
    Issue.record(
      "\(file.name):\(record.line) (\(configuration)): \(difference)\n  \(record.text)")
    return false
  }

  private func complete(_ file: SltFile) throws {
    var answers: [(record: SltRecord, rows: [String])] = []
    for record in file.records where SltSuite.isSelected(record) {
      guard case .rows(_, let isSorted, _) = record.expectation else { continue }
      let outcome = try SltEngine.shared.answer(
        record.text, dataSet: file.dataSet, now: file.now, configuration: .plain)
      guard let lines = try? outcome.get().lines else { continue }
      answers.append((record, isSorted ? lines.sorted() : lines))
    }
    let url = SltSuite.url(file.name)
    let text = try String(contentsOf: url, encoding: .utf8)
    try SltCompletion.rewrite(text, with: answers)
      .write(to: url, atomically: true, encoding: .utf8)
  }
}
