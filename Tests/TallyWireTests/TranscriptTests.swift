import Foundation
import TallyBase
import TallyWire
import Testing

/// One example of docs/wire-protocol.md: the bytes of both sides.
struct Transcript {
  var client: [UInt8] = []
  var server: [UInt8] = []

  static func document(_ name: String) throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
  }

  /// Every block marked `lqp`.
  static var all: [Transcript] {
    get throws {
      try document("wire-protocol.md").components(separatedBy: "```lqp\n").dropFirst().map {
        block in
        Transcript(block.components(separatedBy: "```").first ?? "")
      }
    }
  }

  private init(_ block: String) {
    var payloadSide: Character?
    for line in block.split(separator: "\n", omittingEmptySubsequences: false) {
      guard let side = line.first else { continue }
      let isPayload = line.dropFirst().first == "|"
      // The line feed after a payload is not shown.
      if !isPayload, let open = payloadSide { append("\n", to: open) }
      if !isPayload || payloadSide != nil { payloadSide = nil }
      append(String(line.dropFirst(3)) + "\n", to: side)
      if isPayload { payloadSide = side }
    }
    if let open = payloadSide { append("\n", to: open) }
  }

  private mutating func append(_ text: String, to side: Character) {
    if side == "C" { client += Array(text.utf8) } else { server += Array(text.utf8) }
  }
}

@Suite("docs/wire-protocol.md and docs/http-api.md")
struct TranscriptTests {
  private static func rows(_ document: String, startingWith start: String) throws -> [[String]] {
    try Transcript.document(document).split(separator: "\n").filter { $0.hasPrefix(start) }
      .map { row in
        row.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
          .map { $0.trimmingCharacters(in: .whitespaces) }
      }
  }

  @Test func `every request of the examples is read, whatever the split`() throws {
    let transcripts = try Transcript.all
    #expect(transcripts.count >= 15)
    var verbs: Set<Verb> = []
    for transcript in transcripts {
      for outcome in DecoderVerifier.requests().verified(transcript.client) {
        switch outcome {
        case .request(let request): verbs.insert(request.command.verb)
        case .failure(let failure): #expect(failure.error.code == .unknownVerb, "\(failure)")
        }
      }
    }
    #expect(verbs == Set(Verb.allCases))
  }

  @Test func `every reply of the examples is read, and written the same`() throws {
    for transcript in try Transcript.all {
      var encoded: [UInt8] = []
      for outcome in DecoderVerifier.replies().verified(transcript.server) {
        guard case .reply(let reply) = outcome else {
          Issue.record("\(outcome)")
          continue
        }
        reply.encode(into: &encoded)
      }
      #expect(
        String(decoding: encoded, as: UTF8.self)
          == String(decoding: transcript.server, as: UTF8.self))
    }
  }

  @Test func `results of the examples have the rows and checksums that they say`() throws {
    var resultCount = 0
    for transcript in try Transcript.all {
      var rows: [UInt8] = []
      for case .reply(let reply) in DecoderVerifier.replies().decode([transcript.server[...]]) {
        switch reply.kind {
        case .header: rows = []
        case .rows(let bytes): rows += bytes
        case .end:
          let digits = String(CRC32C.checksum(rows), radix: 16)
          let padding = String(repeating: "0", count: 8 - digits.count)
          #expect(reply.fields["checksum"] == "crc32c:" + padding + digits)
          resultCount += 1
        case .done, .failure, .notice: break
        }
      }
    }
    #expect(resultCount > 4)
  }

  @Test func `requests of the examples are answered once each`() throws {
    for transcript in try Transcript.all {
      let requestCount = DecoderVerifier.requests().decode([transcript.client[...]]).count
      let replies = DecoderVerifier.replies().decode([transcript.server[...]])
      let answerCount = replies.count { outcome in
        guard case .reply(let reply) = outcome else { return false }
        return reply.isLast && reply.fields["push"] == nil
      }
      #expect(answerCount == requestCount, "\(String(decoding: transcript.client, as: UTF8.self))")
    }
  }

  @Test func `the table of error codes is that of the code`() throws {
    let rows = try Self.rows("wire-protocol.md", startingWith: "| `E_")
    #expect(rows.map { $0[0] } == WireCode.all.map { "`\($0.rawValue)`" })
    for (row, code) in zip(rows, WireCode.all) {
      #expect((row[2] == "yes") == code.isRetryable, "\(row)")
      // E_AUTH and E_TIMEOUT close only sometimes.
      let says = row[1].contains("Closes") && !row[1].contains("Closes the third")
      #expect(says == code.closes, "\(row)")
    }
  }

  @Test func `the table of statuses is that of the code`() throws {
    var statuses: [String: Int] = [:]
    let lines = try Transcript.document("http-api.md").split(separator: "\n")
    for line in lines {
      guard let match = line.firstMatch(of: /^\| ([45]\d\d) \|(.*)\|$/) else { continue }
      for code in match.2.matches(of: /`(E_\w+)`/) where code.1 != "E_AUTH" || match.1 == "401" {
        statuses[String(code.1)] = Int(match.1)
      }
    }
    #expect(statuses.count > 25)
    let unseen: Set<WireCode> = [.state, .version, .unknownStatement, .tag]
    for code in WireCode.all where !unseen.contains(code) {
      #expect(statuses[code.rawValue] == code.httpStatus, "\(code.rawValue)")
    }
  }

  @Test func `every code of the engine has one of the protocol`() {
    for code in TallyError.Code.allCases {
      #expect(WireCode.all.contains(WireCode(code)))
    }
  }
}
