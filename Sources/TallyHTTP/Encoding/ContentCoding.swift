internal import TallyWire

/// How a body is compressed.
enum ContentCoding: String {
  case identity, gzip, zstd

  /// What to do where `Accept-Encoding` says this; zstd first, as it is the faster one.
  init(accepted header: String?) {
    let accepted = header.map(Weighted.parse) ?? []
    let weights = Dictionary(accepted.map { ($0.name, $0.weight) }) { first, _ in first }
    let zstd = weights["zstd"] ?? 0
    let gzip = weights["gzip"] ?? 0
    self = zstd > 0 && zstd >= gzip ? .zstd : gzip > 0 ? .gzip : .identity
  }

  /// What a body is sent as.
  ///
  /// - Throws: `E_MEDIA_TYPE`.
  init(ofBody header: String?) throws(WireError) {
    switch header?.lowercased() {
    case nil, "", "identity": self = .identity
    case "gzip", "x-gzip": self = .gzip
    case "zstd": self = .zstd
    case .some(let other):
      throw WireError(
        .mediaType, "found Content-Encoding: \(other), expected gzip, zstd or identity")
    }
  }

  var payloadEncoding: PayloadEncoding {
    switch self {
    case .identity: .none
    case .gzip: .gzip
    case .zstd: .zstd
    }
  }

  func makeEncoder() -> (any BodyEncoder)? {
    switch self {
    case .identity: nil
    case .gzip: GzipEncoder()
    case .zstd: ZstdEncoder()
    }
  }
}

/// A name of `Accept` or `Accept-Encoding` and how much it is wanted.
struct Weighted {
  var name: String
  /// In thousandths; 0: not at all.
  var weight: Int

  /// The entries of a header, what is wanted most first.
  static func parse(_ header: String) -> [Weighted] {
    let entries = header.split(separator: ",").compactMap { entry -> Weighted? in
      let parts = entry.split(separator: ";").map { $0.trimmed.lowercased() }
      guard let name = parts.first, !name.isEmpty else { return nil }
      let quality = parts.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
      let weight = quality.map { Double($0) ?? 1 } ?? 1
      return Weighted(name: name, weight: Int(min(max(weight, 0), 1) * 1_000))
    }
    return entries.enumerated().sorted {
      ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset)
    }.map(\.element)
  }
}

extension StringProtocol {
  /// Without blanks at both ends.
  var trimmed: String {
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
    let start = utf8.drop(while: isBlank)
    let count = start.reversed().drop(while: isBlank).count
    return String(decoding: start.prefix(count), as: UTF8.self)
  }
}
