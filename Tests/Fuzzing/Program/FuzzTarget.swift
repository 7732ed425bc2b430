import TallyBase
import TallyIngest
import TallyWire

/// What is given bytes of strangers. A wrong outcome ends the process.
protocol FuzzTarget {
  func take(_ bytes: [UInt8])
}

enum FuzzTargets {
  static let all: [String: @Sendable () -> any FuzzTarget] = [
    "framer": { FramerTarget() },
    "replies": { ReplyTarget() },
    "influx": { PayloadTarget(.influx) },
    "jsonl": { PayloadTarget(.jsonl) },
    "csv": { PayloadTarget(.csv) },
    "http": { HTTPTarget() },
  ]
}

/// The requests of a connection: the same however the bytes are split.
struct FramerTarget: FuzzTarget {
  func take(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    var limits = WireLimits()
    limits.lineByteCountMax = 512
    limits.payloadByteCountMax = 1_024
    let rest = bytes.dropFirst()
    let whole = outcomes([rest], limits)
    let split = rest.startIndex + Int(first) % (rest.count + 1)
    precondition(outcomes([rest[..<split], rest[split...]], limits) == whole)
    let pieces = stride(from: rest.startIndex, to: rest.endIndex, by: Int(first % 7) + 1).map {
      rest[$0..<min($0 + Int(first % 7) + 1, rest.endIndex)]
    }
    precondition(outcomes(pieces, limits) == whole)
    for case .request(let request) in whole { checkRoundTrip(request) }
  }

  private func outcomes(
    _ pieces: [ArraySlice<UInt8>], _ limits: WireLimits
  ) -> [RequestDecoder.Outcome] {
    var decoder = RequestDecoder(limits: limits)
    var outcomes: [RequestDecoder.Outcome] = []
    for piece in pieces {
      decoder.feed(piece)
      while let outcome = decoder.next() {
        outcomes.append(outcome)
        if case .failure(let failure) = outcome, failure.error.code.closes { return outcomes }
      }
      precondition(decoder.byteCount <= 4_096 + piece.count)
    }
    return outcomes
  }

  /// What was read can be written, and reads the same.
  private func checkRoundTrip(_ request: Request) {
    var bytes: [UInt8] = []
    request.encode(into: &bytes)
    var decoder = RequestDecoder()
    decoder.feed(bytes)
    let again = decoder.next()
    precondition(again == .request(request), "\(request) became \(String(describing: again))")
  }
}

/// The replies of a server, as a client reads them.
struct ReplyTarget: FuzzTarget {
  func take(_ bytes: [UInt8]) {
    var decoder = ReplyDecoder()
    decoder.feed(bytes)
    var whole = 0
    while let reply = try? decoder.next() {
      _ = reply
      whole += 1
    }
    var slow = ReplyDecoder()
    var count = 0
    for byte in bytes {
      slow.feed([byte])
      while let reply = try? slow.next() {
        _ = reply
        count += 1
      }
    }
    precondition(count == whole)
  }
}

/// A payload of events.
final class PayloadTarget: FuzzTarget {
  private let format: InputFormat
  private let schema = Schema.standard

  init(_ format: InputFormat) { self.format = format }

  func take(_ bytes: [UInt8]) {
    guard let first = bytes.first, let mapping = mapping(first) else { return }
    let decoder = PayloadDecoder(mapping: mapping)
    let payload = Array(bytes.dropFirst())
    // Once with nothing learned, once with the order of the first.
    for _ in 0..<2 {
      do throws(TallyError) {
        let decoded = try decoder.decode(
          payload, format: format, schema: schema, receivedAtMicroseconds: 1_789_000_000_000_000)
        precondition(decoded.batch.rowCount + decoded.rejections.count <= decoded.lineCount + 1)
        for rejection in decoded.rejections {
          precondition(rejection.line >= 1 && rejection.line <= decoded.lineCount + 1)
        }
      } catch {
        precondition(error.code != .internal, "\(error)")
      }
    }
  }

  private func mapping(_ byte: UInt8) -> FieldMapping? {
    let units: [TimeUnit?] = [nil, .seconds, .milliseconds, .microseconds, .nanoseconds]
    var time = TimeOptions()
    time.unit = units[Int(byte >> 1) % units.count]
    return try? FieldMapping(isStrict: byte & 1 == 1, time: time)
  }
}
