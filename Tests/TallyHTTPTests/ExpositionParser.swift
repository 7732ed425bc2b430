import Foundation

/// Reads the text of metrics as strictly as its two specifications have it.
struct ExpositionParser {
  struct Failure: Error {
    var message: String
  }

  struct Sample: Hashable {
    var name: String
    var labels: [String: String]
  }

  private(set) var types: [String: String] = [:]
  private(set) var values: [Sample: Double] = [:]
  private let isOpenMetrics: Bool
  private var family = ""
  private var finished: Set<String> = []

  init(_ text: String, isOpenMetrics: Bool) throws {
    self.isOpenMetrics = isOpenMetrics
    guard text.hasSuffix("\n"), !text.contains("\r") else {
      throw Failure(message: "lines must end with LF")
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    if isOpenMetrics {
      guard lines.popLast() == "# EOF" else { throw Failure(message: "no # EOF") }
    }
    for line in lines { try read(String(line)) }
    try checkHistograms()
  }

  private mutating func read(_ line: String) throws {
    if line.hasPrefix("# HELP ") {
      let name = String(line.dropFirst(7).prefix { $0 != " " })
      guard finished.insert(name).inserted else {
        throw Failure(message: "\(name) comes twice")
      }
      family = name
    } else if line.hasPrefix("# TYPE ") {
      let parts = line.dropFirst(7).split(separator: " ")
      guard parts.count == 2, parts[0] == family,
        ["counter", "gauge", "histogram"].contains(parts[1])
      else { throw Failure(message: line) }
      types[family] = String(parts[1])
    } else {
      try readSample(line)
    }
  }

  private mutating func readSample(_ line: String) throws {
    let format = /([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([0-9.e+-]+|\+Inf|NaN)/
    guard let match = line.wholeMatch(of: format), let value = Double(match.3) else {
      throw Failure(message: "no sample: \(line)")
    }
    let name = String(match.1)
    let type = types[family]
    let suffixes =
      type == "histogram"
      ? ["_bucket", "_sum", "_count"] : type == "counter" && isOpenMetrics ? ["_total"] : [""]
    guard suffixes.contains(where: { family + $0 == name }) else {
      throw Failure(message: "\(name) is not of \(family)")
    }
    if type == "counter", !name.hasSuffix("_total") || value < 0 {
      throw Failure(message: "\(line) is no counter")
    }
    let sample = Sample(name: name, labels: try labels(match.2.map(String.init) ?? ""))
    guard values.updateValue(value, forKey: sample) == nil else {
      throw Failure(message: "\(line) comes twice")
    }
  }

  private func labels(_ text: String) throws -> [String: String] {
    var labels: [String: String] = [:]
    var rest = text[...]
    while !rest.isEmpty {
      guard let match = rest.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\n"])*)",?/),
        labels.updateValue(String(match.2), forKey: String(match.1)) == nil
      else { throw Failure(message: "no labels: \(text)") }
      rest = rest[match.range.upperBound...]
    }
    return labels
  }

  /// Buckets grow, and the last of them is the count.
  private func checkHistograms() throws {
    for (name, type) in types where type == "histogram" {
      var series: [[String: String]: [(bound: Double, value: Double)]] = [:]
      for (sample, value) in values where sample.name == name + "_bucket" {
        var labels = sample.labels
        guard let bound = labels.removeValue(forKey: "le").flatMap(Double.init) else {
          throw Failure(message: "\(name) has a bucket without le")
        }
        series[labels, default: []].append((bound, value))
      }
      for (labels, buckets) in series {
        let ordered = buckets.sorted { $0.bound < $1.bound }
        let grows = zip(ordered, ordered.dropFirst()).allSatisfy { $0.value <= $1.value }
        let count = values[Sample(name: name + "_count", labels: labels)]
        let sum = values[Sample(name: name + "_sum", labels: labels)]
        guard grows, sum != nil, let last = ordered.last, last.bound == .infinity,
          last.value == count
        else { throw Failure(message: "\(name) \(labels) is no histogram") }
      }
    }
  }

  /// The value of a sample; nil if there is none.
  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    values[Sample(name: name, labels: labels)]
  }

  func sum(_ name: String) -> Double {
    values.filter { $0.key.name == name }.values.reduce(0, +)
  }
}
