import TallyBase

/// Takes options one by one and refuses what is left over.
package struct OptionReader {
  /// What has the options, as an error names it.
  private let owner: String
  /// What to do about an unknown option.
  private let advice: String
  private var fields: [WireField]
  /// Keys that were asked for: what an unknown one is compared with.
  private var known: [String] = []

  /// - Throws: `E_ARGUMENT` if an option is given twice.
  init(_ fields: [WireField], verb: Verb) throws(WireError) {
    try self.init(
      fields, of: verb.rawValue, advice: "; text that begins like an option is preceded by ':'")
  }

  /// - Throws: `E_ARGUMENT` if an option is given twice.
  package init(
    _ fields: [WireField], of owner: String, advice: String = ""
  ) throws(WireError) {
    self.fields = fields
    self.owner = owner
    self.advice = advice
    var seen: Set<String> = []
    for field in fields where !seen.insert(field.key).inserted {
      throw WireError(.argument, "option '\(field.key)' is given twice")
    }
  }

  package mutating func text(_ key: String) -> String? {
    known.append(key)
    guard let index = fields.firstIndex(where: { $0.key == key }) else { return nil }
    return fields.remove(at: index).value
  }

  package mutating func flag(_ key: String) throws(WireError) -> Bool? {
    guard let text = text(key) else { return nil }
    switch text {
    case "yes": return true
    case "no": return false
    default: throw OptionReader.wrong(key, text, "yes or no")
    }
  }

  package mutating func count(_ key: String) throws(WireError) -> Int? {
    guard let text = text(key) else { return nil }
    guard let number = Int(text), number >= 0 else {
      throw OptionReader.wrong(key, text, "a whole number")
    }
    return number
  }

  package mutating func number(_ key: String) throws(WireError) -> UInt64? {
    guard let text = text(key) else { return nil }
    guard let number = UInt64(text) else {
      throw OptionReader.wrong(key, text, "a whole number below 2^64")
    }
    return number
  }

  /// A duration that is not zero.
  package mutating func duration(_ key: String) throws(WireError) -> WireDuration? {
    guard let text = text(key) else { return nil }
    guard let duration = WireDuration(text), duration.milliseconds > 0 else {
      throw OptionReader.wrong(key, text, "a duration such as 500ms, 5s, 2m or 1h")
    }
    return duration
  }

  package mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ type: Choice.Type
  ) throws(WireError) -> Choice? {
    guard let text = text(key) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let names = Choice.allCases.map(\.rawValue)
      throw OptionReader.wrong(
        key, text, names.dropLast().joined(separator: ", ") + " or " + (names.last ?? ""))
    }
    return choice
  }

  /// - Throws: `E_ARGUMENT` if an option was not asked for.
  package func finish() throws(WireError) {
    guard let field = fields.first else { return }
    let nearest = Suggestion.nearest(to: field.key, among: known)
    let names = known.joined(separator: ", ")
    let options = known.isEmpty ? "there are none" : "options are \(names)"
    throw WireError(
      .argument, "\(owner) has no option '\(field.key)'",
      hint: Suggestion.hint(nearest, quote: "'")
        ?? options + advice)
  }

  package static func wrong(_ key: String, _ text: String, _ expectation: String) -> WireError {
    WireError(.argument, "found '\(text)' for '\(key)', expected \(expectation)")
  }
}
