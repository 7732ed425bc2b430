internal import TallyServer

/// What tells series of one name apart.
typealias Labels = [(name: String, value: String)]

/// Numbers of one name, as Prometheus reads them.
struct MetricFamily {
  enum Kind: String {
    case counter, gauge, histogram
  }

  /// One line.
  struct Sample {
    /// What follows the name: `_total`, `_bucket`, ...
    var suffix = ""
    var labels: Labels = []
    var value: String
  }

  /// Without `_total`.
  var name: String
  var kind: Kind
  /// What is counted, for people.
  var help: String
  var samples: [Sample] = []

  /// Numbers that only grow.
  static func counter(
    _ name: String, _ help: String, _ values: [(labels: Labels, value: String)]
  ) -> MetricFamily {
    MetricFamily(
      name: name, kind: .counter, help: help,
      samples: values.map { Sample(suffix: "_total", labels: $0.labels, value: $0.value) })
  }

  /// Numbers that go up and down.
  static func gauge(
    _ name: String, _ help: String, _ values: [(labels: Labels, value: String)]
  ) -> MetricFamily {
    MetricFamily(
      name: name, kind: .gauge, help: help,
      samples: values.map { Sample(labels: $0.labels, value: $0.value) })
  }

  /// - Parameter counts: of each bucket alone, one more than there are bounds.
  mutating func addHistogram(
    _ labels: Labels, bounds: [Double], counts: [UInt64], sum: String
  ) {
    var total: UInt64 = 0
    for (index, count) in counts.enumerated() {
      total &+= count
      let bound = index < bounds.count ? "\(bounds[index])" : "+Inf"
      samples.append(
        Sample(suffix: "_bucket", labels: labels + [("le", bound)], value: "\(total)"))
    }
    samples.append(Sample(suffix: "_sum", labels: labels, value: sum))
    samples.append(Sample(suffix: "_count", labels: labels, value: "\(total)"))
  }
}

/// The text forms of families: Prometheus 0.0.4 and OpenMetrics 1.0.0.
enum Exposition {
  static func text(_ families: [MetricFamily], isOpenMetrics: Bool) -> [UInt8] {
    var text = ""
    for family in families where !family.samples.isEmpty {
      // OpenMetrics names a counter without the suffix of its samples.
      let isWhole = isOpenMetrics || family.kind != .counter
      let name = family.name + (isWhole ? "" : "_total")
      text += "# HELP \(name) \(escaped(family.help, isOpenMetrics))\n"
      text += "# TYPE \(name) \(family.kind.rawValue)\n"
      for sample in family.samples {
        text += family.name + sample.suffix + labels(sample.labels) + " " + sample.value + "\n"
      }
    }
    if isOpenMetrics { text += "# EOF\n" }
    return Array(text.utf8)
  }

  private static func labels(_ labels: Labels) -> String {
    guard !labels.isEmpty else { return "" }
    let pairs = labels.map { "\($0.name)=\"\(escaped($0.value, true))\"" }
    return "{" + pairs.joined(separator: ",") + "}"
  }

  /// - Parameter escapesQuotes: help has them as they are in the older form.
  private static func escaped(_ text: String, _ escapesQuotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where escapesQuotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
