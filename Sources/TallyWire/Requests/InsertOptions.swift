/// The form of events in a payload.
package enum DataFormat: String, Hashable, Sendable, CaseIterable {
  /// InfluxDB line protocol.
  case influx
  case jsonl, csv
}

/// What an acknowledgement waits for, and so what the rows survive.
package enum AckLevel: String, Hashable, Sendable, CaseIterable {
  case memory, os, durable, published
}

/// What becomes of a batch with rows that cannot be taken.
package enum BatchMode: String, Hashable, Sendable, CaseIterable {
  /// Nothing of it is stored.
  case all
  /// The other rows are stored.
  case partial
}

/// The unit of numeric times.
package enum TimePrecision: String, Hashable, Sendable, CaseIterable {
  case auto
  case nanoseconds = "ns"
  case microseconds = "us"
  case milliseconds = "ms"
  case seconds = "s"
}

/// How a payload is compressed.
package enum PayloadEncoding: String, Hashable, Sendable, CaseIterable {
  case none, gzip, zstd
}

/// How events are taken; nil is the connection's default.
package struct InsertOptions: Hashable, Sendable {
  package var data: DataFormat?
  package var ack: AckLevel?
  package var mode: BatchMode?
  package var precision: TimePrecision?
  /// Who sends, and the number of the batch among theirs; both or neither.
  package var producer: String?
  package var sequence: UInt64?
  package var encoding = PayloadEncoding.none
  /// Whether fields that are no columns reject their row.
  package var isStrict = false

  /// Longest name of a producer, in bytes: room is left for the org's.
  package static let producerByteCountMax = 128

  package init() {}

  /// What holds where nobody says anything.
  package static var standard: InsertOptions {
    var options = InsertOptions()
    options.data = .influx
    options.ack = .durable
    options.mode = .all
    options.precision = .auto
    return options
  }

  /// These options, and `defaults` for those that are not set.
  package func filled(from defaults: InsertOptions) -> InsertOptions {
    var filled = self
    filled.data = data ?? defaults.data
    filled.ack = ack ?? defaults.ack
    filled.mode = mode ?? defaults.mode
    filled.precision = precision ?? defaults.precision
    return filled
  }

  /// What `SET` may change.
  init(defaults reader: inout OptionReader) throws(WireError) {
    data = try reader.choice("data", DataFormat.self)
    ack = try reader.choice("ack", AckLevel.self)
    mode = try reader.choice("mode", BatchMode.self)
    precision = try reader.choice("precision", TimePrecision.self)
  }

  package init(_ reader: inout OptionReader, allowsEncoding: Bool) throws(WireError) {
    try self.init(defaults: &reader)
    producer = reader.text("producer")
    sequence = try reader.number("seq")
    if allowsEncoding { encoding = try reader.choice("encoding", PayloadEncoding.self) ?? .none }
    isStrict = try reader.flag("strict") ?? false
    if let table = reader.text("into"), table != "usage" {
      throw OptionReader.wrong("into", table, "usage")
    }
    guard (producer == nil) == (sequence == nil) else {
      throw WireError(.argument, "found one of 'producer' and 'seq', expected both or neither")
    }
    if let producer, !(1...InsertOptions.producerByteCountMax).contains(producer.utf8.count) {
      throw WireError(
        .argument,
        "the name of the producer has \(producer.utf8.count) bytes, expected 1 to "
          + "\(InsertOptions.producerByteCountMax)")
    }
  }

  /// Those that are set.
  package var fields: [WireField] {
    var fields: [WireField] = []
    fields.add("data", data?.rawValue)
    fields.add("ack", ack?.rawValue)
    fields.add("mode", mode?.rawValue)
    fields.add("precision", precision?.rawValue)
    fields.add("producer", producer)
    fields.add("seq", sequence.map { "\($0)" })
    if encoding != .none { fields.add("encoding", encoding.rawValue) }
    if isStrict { fields.add("strict", true) }
    return fields
  }
}
