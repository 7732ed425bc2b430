import TallyWire
import Testing

/// What a decoder makes of bytes, however they are split.
struct DecoderVerifier<Output: Equatable> {
  /// Feeds pieces to a fresh decoder and returns all that came out.
  var decode: ([ArraySlice<UInt8>]) -> [Output]

  /// What comes out of the bytes as one piece, after checking that it is the same for two pieces
  /// cut at each index, and byte by byte.
  @discardableResult
  func verified(
    _ bytes: [UInt8], at location: SourceLocation = #_sourceLocation
  ) -> [Output] {
    let whole = decode([bytes[...]])
    let single = decode(bytes.indices.map { bytes[$0...$0] })
    #expect(single == whole, "byte by byte", sourceLocation: location)
    for index in bytes.indices {
      let split = decode([bytes[..<index], bytes[index...]])
      if split != whole {
        Issue.record("split at \(index): \(split) and not \(whole)", sourceLocation: location)
        break
      }
    }
    return whole
  }
}

extension DecoderVerifier<RequestDecoder.Outcome> {
  static func requests(_ limits: WireLimits = WireLimits()) -> Self {
    Self { pieces in
      var decoder = RequestDecoder(limits: limits)
      var outcomes: [RequestDecoder.Outcome] = []
      for piece in pieces {
        decoder.feed(piece)
        while let outcome = decoder.next() { outcomes.append(outcome) }
      }
      return outcomes
    }
  }
}

/// A reply, or why there are no more.
enum ReplyOutcome: Equatable {
  case reply(Reply)
  case failure(WireError)
}

extension DecoderVerifier<ReplyOutcome> {
  static func replies(_ limits: WireLimits = .replies) -> Self {
    Self { pieces in
      var decoder = ReplyDecoder(limits: limits)
      var outcomes: [ReplyOutcome] = []
      for piece in pieces {
        decoder.feed(piece)
        do throws(WireError) {
          while let reply = try decoder.next() { outcomes.append(.reply(reply)) }
        } catch { outcomes.append(.failure(error)) }
      }
      return outcomes
    }
  }
}

/// The outcomes of requests in `text`, whatever the split.
func requests(
  _ text: String, limits: WireLimits = WireLimits(),
  at location: SourceLocation = #_sourceLocation
) -> [RequestDecoder.Outcome] {
  DecoderVerifier.requests(limits).verified(Array(text.utf8), at: location)
}

/// The only request in `text`.
func request(
  _ text: String, at location: SourceLocation = #_sourceLocation
) throws -> Request {
  let outcomes = requests(text, at: location)
  #expect(outcomes.count == 1, sourceLocation: location)
  guard case .request(let request) = outcomes.first else {
    throw UnexpectedOutcome(description: "\(outcomes)")
  }
  return request
}

/// The only failure in `text`.
func failure(
  _ text: String, limits: WireLimits = WireLimits(),
  at location: SourceLocation = #_sourceLocation
) throws -> RequestFailure {
  let outcomes = requests(text, limits: limits, at: location)
  #expect(outcomes.count == 1, sourceLocation: location)
  guard case .failure(let failure) = outcomes.first else {
    throw UnexpectedOutcome(description: "\(outcomes)")
  }
  return failure
}

struct UnexpectedOutcome: Error, CustomStringConvertible {
  var description: String
}

/// SplitMix64: the same numbers on every machine for one seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
  mutating func chance(_ oneIn: Int) -> Bool { below(oneIn) == 0 }
  mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }
}
