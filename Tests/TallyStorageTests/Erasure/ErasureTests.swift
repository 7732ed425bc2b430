import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

@Suite("Erasure of an identity")
struct ErasureTests {
  private static let person = PrivacyScenario.person

  private static func erase(
    _ system: MemoryFileSystem, org: String? = nil, isDroppingRows: Bool = false,
    isDryRun: Bool = false
  ) throws -> ErasureReceipt {
    let store = try PrivacyScenario.open(system)
    var request = ErasureRequest(identity: person)
    request.org = org
    request.isDroppingRows = isDroppingRows
    request.isDryRun = isDryRun
    let receipt = try store.erase(request)
    try store.close()
    return receipt
  }

  @Test("No file has the identity afterwards, and no other sum has changed")
  func everywhere() throws {
    let system = try PrivacyScenario.make()
    let before = try PrivacyScenario.living(system)
    let places = try PrivacyScenario.places(of: Self.person, in: system)
    #expect(places.contains { $0.hasSuffix(".wal") } && places.contains { $0.hasSuffix(".dict") })
    let receipt = try Self.erase(system)
    #expect(try PrivacyScenario.places(of: Self.person, in: system) == [])
    let after = try PrivacyScenario.living(system)
    #expect(after.count == before.count)
    for column in ["org", "team", "model"] {
      #expect(
        PrivacyScenario.sums(after, by: column) == PrivacyScenario.sums(before, by: column))
    }
    for column in ["user", "end_user", "api_key", "tag"] {
      var expected = PrivacyScenario.sums(
        before.map { row in
          var row = row
          if row[column] == PrivacyScenario.text(Self.person) { row[column] = nil }
          return row
        }, by: column)
      for (key, value) in PrivacyScenario.sums(after, by: column) {
        #expect(expected.removeValue(forKey: key) == value)
      }
      #expect(expected.isEmpty)
    }
    #expect(receipt.isComplete && receipt.entryCount == 4 && receipt.remains.isEmpty)
    #expect(receipt.sums.allSatisfy { $0.before == $0.after } && receipt.sums.count > 4)
    let files = system.filePaths.filter { $0.hasPrefix("/s/receipts/") }
    #expect(files.count == 1)
    #expect(files.first.flatMap { system.bytes(of: $0) } == Array(receipt.json.utf8))
  }

  @Test("Only text that has the identity goes, and only where it is a word or the row's own")
  func text() throws {
    let system = MemoryFileSystem()
    let store = try PrivacyScenario.open(system)
    let person = PrivacyScenario.text(Self.person)
    var rows = PrivacyScenario.rows(6, dayCount: 1, seed: 5)
    let texts = [
      "\(Self.person)9", "a \(Self.person) b", "\(Self.person)9", "nothing",
      "{\"u\":\"zq-person-42\"}", "x\(Self.person)",
    ]
    for index in rows.indices {
      rows[index] = rows[index].filter { ["time", "sequence"].contains($0.key) }
      rows[index]["user"] = index < 2 || index == 3 ? person : PrivacyScenario.text("other")
      rows[index]["metadata"] = PrivacyScenario.text(texts[index])
    }
    try PrivacyScenario.load(rows, into: store)
    _ = try store.erase(ErasureRequest(identity: Self.person))
    let kept = try TestRows.readLiving(store.snapshot()).reduce(into: [Int: Value]()) {
      if case .int(let number)? = $1["sequence"] { $0[Int(number)] = $1["metadata"] ?? .null }
    }
    let expected: [Value] = [
      .null, .null, PrivacyScenario.text(texts[2]), PrivacyScenario.text("nothing"), .null,
      PrivacyScenario.text(texts[5]),
    ]
    #expect((0..<6).map { kept[$0] } == expected)
  }

  @Test("Of one organisation only: others keep the entry, and the receipt says so")
  func oneOrg() throws {
    let system = try PrivacyScenario.make()
    let person = PrivacyScenario.text(Self.person)
    let acme = PrivacyScenario.text("acme")
    let before = try PrivacyScenario.living(system)
    let receipt = try Self.erase(system, org: "acme")
    let after = try PrivacyScenario.living(system)
    #expect(!after.contains { $0["org"] == acme && $0["user"] == person })
    #expect(
      after.count { $0["user"] == person }
        == before.count { $0["org"] != acme && $0["user"] == person })
    #expect(receipt.remains.contains { $0.column == "user" && $0.reason.contains("other orgs") })
    #expect(
      PrivacyScenario.sums(after, by: "org") == PrivacyScenario.sums(before, by: "org"))
    let unknown = try Self.erase(system, org: "no such org")
    #expect(unknown.rowCount == 0)
  }

  @Test("With its rows: they go, and nothing else")
  func rows() throws {
    let system = try PrivacyScenario.make()
    let person = PrivacyScenario.text(Self.person)
    let before = try PrivacyScenario.living(system)
    let kept = before.filter { row in
      !["user", "end_user", "api_key", "tag"].contains { row[$0] == person }
    }
    let receipt = try Self.erase(system, isDroppingRows: true)
    #expect(try PrivacyScenario.places(of: Self.person, in: system) == [])
    let after = try PrivacyScenario.living(system)
    #expect(after.count == kept.count && receipt.droppedRowCount == before.count - kept.count)
    #expect(PrivacyScenario.sums(after, by: "model") == PrivacyScenario.sums(kept, by: "model"))
    #expect(receipt.sums.contains { $0.column == "cost" && $0.before != $0.after })
  }

  @Test("A producer's name goes too, and its batches are still stored once")
  func producers() throws {
    let system = try PrivacyScenario.make()
    var options = AppendOptions()
    options.producer = "laptop of \(Self.person)"
    let batch = PrivacyScenario.batch(PrivacyScenario.rows(3, dayCount: 1, seed: 4, from: 5_000))
    func append(_ store: Store, _ sequence: UInt64) throws -> AppendReceipt {
      options.sequence = sequence
      return try store.append(batch, options: options)
    }
    var store = try PrivacyScenario.open(system)
    #expect(try !append(store, 7).isReplay)
    try store.flush()
    #expect(try !append(store, 8).isReplay)
    let receipt = try store.erase(ErasureRequest(identity: Self.person))
    #expect(receipt.isComplete && receipt.producerCount == 1)
    #expect(try append(store, 7).isReplay && append(store, 8).isReplay)
    try store.close()
    store = try PrivacyScenario.open(system)
    #expect(try append(store, 7).isReplay && append(store, 8).isReplay)
    #expect(try !append(store, 9).isReplay)
    #expect(try append(store, 9).isReplay)
    _ = try store.erase(ErasureRequest(identity: Self.person))
    try store.close()
    #expect(try PrivacyScenario.places(of: Self.person, in: system) == [])
  }

  @Test("A dry run changes nothing and counts the same")
  func dryRun() throws {
    let system = try PrivacyScenario.make()
    let before = try PrivacyScenario.living(system)
    let dry = try Self.erase(system, isDryRun: true)
    #expect(try PrivacyScenario.living(system) == before)
    #expect(!system.filePaths.contains { $0.hasPrefix("/s/receipts/") })
    let real = try Self.erase(system)
    #expect(dry.rowCount == real.rowCount && dry.clearedCounts == real.clearedCounts)
    #expect(dry.segmentCount == real.segmentCount && !dry.isComplete)
  }

  @Test("The store goes on: the erased code is not given away, the person may come back")
  func goesOn() throws {
    let system = try PrivacyScenario.make()
    let store = try PrivacyScenario.open(system)
    let rows = PrivacyScenario.rows(20, dayCount: 2, seed: 9, from: 1_000)
    _ = try store.append(PrivacyScenario.batch(rows))
    let count = try TestRows.readLiving(store.snapshot()).count
    _ = try store.erase(ErasureRequest(identity: Self.person))
    let fresh = PrivacyScenario.rows(20, dayCount: 2, seed: 10, from: 2_000)
    _ = try store.append(PrivacyScenario.batch(fresh))
    let person = PrivacyScenario.text(Self.person)
    let expected = fresh.count { $0["user"] == person }
    #expect(expected > 0)
    #expect(try TestRows.readLiving(store.snapshot()).count { $0["user"] == person } == expected)
    try store.close()
    let after = try PrivacyScenario.living(system)
    #expect(after.count == count + 20 && after.count { $0["user"] == person } == expected)
    let again = try Self.erase(system)
    #expect(again.isComplete && again.rowCount > 0)
    #expect(try PrivacyScenario.places(of: Self.person, in: system) == [])
    let entries = try Store.open("/s", mode: .readOnly, fileSystem: system).snapshot()
      .dictionary(column: Schema.standard.column(named: "user")?.id ?? 0).table
    let erased = (1...entries.count).count {
      ErasedEntry.isErased(entries.string(SymbolCode($0)))
    }
    #expect(erased == 2)
  }

  @Test("A reader keeps old files; erasing again once it has gone removes them")
  func reader() throws {
    let system = try PrivacyScenario.make()
    do {
      let reader = try Store.open("/s", mode: .readOnly, fileSystem: system)
      let before = try TestRows.readLiving(reader.snapshot())
      let receipt = try Self.erase(system)
      #expect(!receipt.isComplete && receipt.waitingFileCount > 0)
      #expect(try TestRows.readLiving(reader.snapshot()) == before)
      try reader.close()
    }
    let again = try Self.erase(system)
    #expect(again.isComplete && again.rowCount == 0)
    #expect(try PrivacyScenario.places(of: Self.person, in: system) == [])
  }
}
