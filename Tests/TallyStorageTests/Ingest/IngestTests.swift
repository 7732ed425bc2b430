import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport
import Testing

/// Appending to a store: what queries see, what survives, what is stored once.
@Suite("Ingest") struct IngestTests {
  @Test(arguments: Acknowledgement.allCases)
  func acknowledgedRowsAreSeenAtOnceAndAfterReopening(_ level: Acknowledgement) throws {
    let fileSystem = MemoryFileSystem()
    let store = try IngestFixture.open(fileSystem)
    var appendOptions = AppendOptions()
    appendOptions.acknowledgement = level
    var expected: [TestRow] = []
    for number in 0..<20 {
      let rows = IngestFixture.rows(number)
      let receipt = try store.append(TestRows.batch(rows), options: appendOptions)
      #expect(receipt.acceptedCount == rows.count)
      expected += rows
      #expect(try IngestFixture.sequences(store.snapshot()) == IngestFixture.sequences(expected))
      if number == 11 { try store.flush() }
    }
    #expect(try store.snapshot().rowCount == expected.count)
    try store.close()
    let again = try IngestFixture.open(fileSystem)
    let snapshot = try again.snapshot()
    #expect(try IngestFixture.sequences(snapshot) == IngestFixture.sequences(expected))
    let read = try TestRows.read(snapshot)
    #expect(Set(read) == Set(TestRows.sorted(expected)))
    try again.close()
  }

  @Test func aBatchSentAgainIsStoredOnce() throws {
    let fileSystem = MemoryFileSystem()
    var store = try IngestFixture.open(fileSystem)
    var appendOptions = AppendOptions()
    appendOptions.producer = "p"
    for (number, isReplay) in [(1, false), (1, true), (3, false), (2, false), (3, true), (2, true)]
    {
      appendOptions.sequence = UInt64(number)
      let batch = TestRows.batch(IngestFixture.rows(number))
      let receipt = try store.append(batch, options: appendOptions)
      #expect(receipt.isReplay == isReplay)
      #expect(receipt.acceptedCount == (isReplay ? 0 : batch.rowCount))
    }
    for step in 0..<3 {
      // Killed with rows in the log, then closed with rows in segments.
      if step == 2 { try store.close() }
      store = try IngestFixture.open(fileSystem.afterKill())
      appendOptions.sequence = 2
      let batch = TestRows.batch(IngestFixture.rows(2))
      #expect(try store.append(batch, options: appendOptions).isReplay)
      let expected = (1...3).flatMap { IngestFixture.rows($0) }
      #expect(try IngestFixture.sequences(store.snapshot()) == IngestFixture.sequences(expected))
      if step == 0 { try store.flush() }
    }
  }

  @Test func rowsOfAKilledProcessAreThere() throws {
    let fileSystem = MemoryFileSystem()
    let store = try IngestFixture.open(fileSystem)
    var expected: [TestRow] = []
    for number in 0..<300 {
      let rows = IngestFixture.rows(number)
      var appendOptions = AppendOptions()
      appendOptions.acknowledgement = number % 2 == 0 ? .durable : .os
      _ = try store.append(TestRows.batch(rows), options: appendOptions)
      expected += rows
      if number % 97 == 96 { try store.flush() }
      if number % 50 == 49 {
        let survivor = try IngestFixture.open(fileSystem.afterKill())
        #expect(
          try IngestFixture.sequences(survivor.snapshot()) == IngestFixture.sequences(expected))
        try survivor.close()
      }
    }
  }

  @Test func aReaderSeesFlushedRowsOnly() throws {
    let fileSystem = MemoryFileSystem()
    let store = try IngestFixture.open(fileSystem)
    _ = try store.append(TestRows.batch(IngestFixture.rows(1)))
    let reader = try Store.open(IngestFixture.path, mode: .readOnly, fileSystem: fileSystem)
    #expect(try reader.refresh().rowCount == 0)
    try store.flush()
    #expect(try reader.refresh().rowCount == 7)
    _ = try store.append(TestRows.batch(IngestFixture.rows(2)))
    #expect(try reader.refresh().rowCount == 7)
    #expect(try store.snapshot().rowCount == 14)
  }

  @Test func aReaderThatWantsTheLogSeesItsRows() throws {
    let fileSystem = MemoryFileSystem()
    let store = try IngestFixture.open(fileSystem)
    var options = IngestFixture.options()
    options.includesLog = true
    let reader = try Store.open(
      IngestFixture.path, mode: .readOnly, fileSystem: fileSystem, options: options)
    var expected: [TestRow] = []
    for number in 0..<40 {
      let rows = IngestFixture.rows(number)
      _ = try store.append(TestRows.batch(rows))
      expected += rows
      if number % 7 == 6 { try store.flush() }
      if number % 2 == 0 {
        #expect(try IngestFixture.sequences(reader.refresh()) == IngestFixture.sequences(expected))
      }
    }
    try store.close()
    #expect(try IngestFixture.sequences(reader.refresh()) == IngestFixture.sequences(expected))
  }

  @Test func aFailedSyncLosesNothing() throws {
    let fileSystem = MemoryFileSystem()
    let store = try IngestFixture.open(fileSystem)
    _ = try store.append(TestRows.batch(IngestFixture.rows(1)))
    // The next calls are the record's write and its sync.
    fileSystem.inject(MemoryFileSystem.Fault(firstCall: 2, isLasting: false, number: 5))
    _ = try store.append(TestRows.batch(IngestFixture.rows(2)))
    fileSystem.inject(nil)
    _ = try store.append(TestRows.batch(IngestFixture.rows(3)))
    let expected = (1...3).flatMap { IngestFixture.rows($0) }
    for seed in 0..<20 {
      let survivor = try IngestFixture.open(fileSystem.afterPowerCut(seed: UInt64(seed)))
      #expect(
        try IngestFixture.sequences(survivor.snapshot()) == IngestFixture.sequences(expected))
    }
  }

  /// Debug builds look at every fifth call, release builds at each.
  #if DEBUG
    private static let callStride = 5
  #else
    private static let callStride = 1
  #endif

  @Test func aPowerCutAtAnyCallLosesNoAcknowledgedBatch() throws {
    var call = 1
    var isComplete = false
    while !isComplete {
      let fileSystem = MemoryFileSystem()
      fileSystem.inject(MemoryFileSystem.Fault(firstCall: call, isLasting: true, number: 5))
      var acknowledged: [TestRow] = []
      var sent: [[TestRow]] = []
      isComplete = true
      do {
        let store = try IngestFixture.open(fileSystem)
        for number in 0..<30 {
          let rows = IngestFixture.rows(number)
          sent.append(rows)
          var appendOptions = AppendOptions()
          appendOptions.acknowledgement = number % 3 == 2 ? .os : .durable
          _ = try store.append(TestRows.batch(rows), options: appendOptions)
          if number % 3 != 2 { acknowledged += rows }
          if number % 9 == 8 { try store.flush() }
        }
        try store.close()
      } catch {
        isComplete = false
      }
      for seed in 0..<2 {
        let image = fileSystem.afterPowerCut(seed: UInt64(call * 2 + seed))
        let store = try IngestFixture.open(image)
        let found = try IngestFixture.sequences(store.snapshot())
        let missing = Set(IngestFixture.sequences(acknowledged)).subtracting(found)
        #expect(missing.isEmpty, "call \(call), seed \(seed): acknowledged rows are missing")
        #expect(Set(found).count == found.count, "call \(call), seed \(seed): rows are doubled")
        for rows in sent {
          let present = Set(IngestFixture.sequences(rows)).intersection(found)
          #expect(present.isEmpty || present.count == rows.count, "call \(call): part of a batch")
        }
      }
      call += IngestTests.callStride
    }
    #expect(call > 100)
  }
}
