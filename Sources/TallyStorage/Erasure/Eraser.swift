import SystemPackage
import TallyBase
import TallyFile

/// The steps of one erasure. Run with the store's maintenance lock held.
struct Eraser {
  let store: Store
  let request: ErasureRequest
  let cancellation: CancellationToken
  private let pattern: IdentityPattern
  private var receipt = ErasureReceipt()
  private var before = SegmentSums()
  private var after = SegmentSums()
  /// Segments in which there is nothing to be erased.
  private var clean: Set<UInt64> = []

  /// Rows rewritten by one commit: bounds the map from old rows to new ones, and the space on
  /// disk.
  private static let rowCountMax = 1 << 25
  /// Times that new segments are searched, while events keep bringing the identity back.
  private static let roundCountMax = 8

  init(store: Store, request: ErasureRequest, cancellation: CancellationToken) {
    self.store = store
    self.request = request
    self.cancellation = cancellation
    pattern = IdentityPattern(request.identity)
  }

  mutating func run() throws(TallyError) -> ErasureReceipt {
    let codes = try identityCodes()
    try eraseRows(codes)
    if request.isDryRun {
      receipt.isDryRun = true
    } else {
      let erased = try eraseEntries(codes)
      if !erased.isEmpty { try eraseLateRows(codes) }
      if request.org == nil { try eraseProducers() }
      try removeFiles()
    }
    try noteRemains(codes)
    try finish()
    return receipt
  }

  // MARK: Rows

  private func identityCodes() throws(TallyError) -> [Int: SymbolCode] {
    let snapshot = try store.committedSnapshot()
    var codes: [Int: SymbolCode] = [:]
    for column in IdentitySearch.identityColumns(snapshot.schema) {
      let table = try snapshot.dictionary(column: column.id).table
      if let code = table.find(ByteString(request.identity)) { codes[column.id] = code }
    }
    return codes
  }

  private func search(_ codes: [Int: SymbolCode]) throws(TallyError) -> IdentitySearch? {
    let snapshot = try store.committedSnapshot()
    var orgCode: SymbolCode?
    if let org = request.org {
      let table = try snapshot.dictionary(column: Schema.orgColumnID).table
      guard let code = table.find(ByteString(org)) else { return nil }
      orgCode = code
    }
    return IdentitySearch(
      pattern: pattern, schema: snapshot.schema, codes: codes, orgCode: orgCode,
      cancellation: cancellation)
  }

  /// Rewrites segments until none has anything to be erased.
  private mutating func eraseRows(_ codes: [Int: SymbolCode]) throws(TallyError) {
    for _ in 0..<Eraser.roundCountMax {
      let targets = try findTargets(codes)
      for target in targets { try note(target) }
      guard !targets.isEmpty, !request.isDryRun else { return }
      var batch: [ErasureTarget] = []
      for target in targets {
        batch.append(target)
        if batch.reduce(0, { $0 + $1.info.rowCount }) >= Eraser.rowCountMax {
          try rewrite(batch)
          batch = []
        }
      }
      try rewrite(batch)
      try store.flush()
    }
    throw TallyError(
      .resourceExhausted, "events that name the identity keep arriving",
      hint: "stop sending them, then erase again")
  }

  private mutating func findTargets(
    _ codes: [Int: SymbolCode]
  ) throws(TallyError) -> [ErasureTarget] {
    guard let search = try search(codes) else { return [] }
    let manifest = try store.committedManifest()
    let cache = PageCache(byteCountMax: CompactionOptions.cacheByteCountMax)
    var targets: [ErasureTarget] = []
    for info in manifest.segments where !clean.contains(info.id) {
      if let reason = manifest.damagedSegments[info.id] {
        throw TallyError(
          .corruption,
          "segment \(info.id) is damaged and cannot be searched: \(reason)",
          hint: "run 'tally repair', then erase again")
      }
      if let target = try search.target(store.segmentFiles.committed(info, cache: cache)) {
        targets.append(target)
      } else {
        clean.insert(info.id)
      }
    }
    return targets
  }

  private mutating func note(_ target: ErasureTarget) throws(TallyError) {
    let manifest = try store.committedManifest()
    let dead = manifest.deletedRows[target.info.id]
    let live = { (rows: DeletedRows) in rows.rows.count { dead?.contains($0) != true } }
    receipt.segmentCount += 1
    receipt.rowCount += live(target.changed)
    if request.isDroppingRows { receipt.droppedRowCount += live(target.own) }
    for (column, rows) in target.cleared where column < manifest.schema.columns.count {
      let count = live(rows)
      if count > 0 {
        receipt.clearedCounts[manifest.schema.columns[column].name, default: 0] += count
      }
    }
  }

  /// Rewrites segments in one commit.
  private mutating func rewrite(_ targets: [ErasureTarget]) throws(TallyError) {
    guard !targets.isEmpty else { return }
    let manifest = try store.committedManifest()
    var rewriter = PartitionRewriter(
      files: store.segmentFiles, ids: store.segmentIDs, schema: manifest.schema)
    rewriter.options = store.options.compaction
    rewriter.segmentOptions = store.options.segment
    rewriter.segmentOptions.zstdLevel = store.options.compaction.zstdLevel
    rewriter.cancellation = cancellation
    var made = RewrittenSegments()
    do throws(TallyError) {
      for target in targets {
        let result = try rewriter.rewrite(
          [target.info], deletedRows: manifest.deletedRows, changes: changes(target))
        made.segments += result.segments
        made.moves.merge(result.moves) { old, _ in old }
      }
      try compareSums(targets, made, manifest)
      try store.publish(made.segments, threadCount: 1, moves: made.moves) {
        now throws(TallyError) in
        try cancellation.check()
        return try made.edit(replacing: targets.map(\.info), before: manifest, now: now)
      }
    } catch {
      if !store.isCommitInDoubt { rewriter.remove(made.segments) }
      throw error
    }
    clean.formUnion(made.segments.map(\.id))
  }

  private func changes(_ target: ErasureTarget) -> RewriteChanges {
    var changes = RewriteChanges()
    if request.isDroppingRows, !target.own.isEmpty {
      changes.droppedRows[target.info.id] = target.own
    }
    for (column, rows) in target.cleared {
      changes.clearedRows[column, default: [:]][target.info.id] = rows
    }
    return changes
  }

  /// Sums what is to be replaced and what replaces it, before it is committed.
  ///
  /// - Throws: `internal` if the two differ though no row goes.
  private mutating func compareSums(
    _ targets: [ErasureTarget], _ made: RewrittenSegments, _ manifest: Manifest
  ) throws(TallyError) {
    let cache = PageCache(byteCountMax: CompactionOptions.cacheByteCountMax)
    var old = SegmentSums()
    for target in targets {
      try old.add(
        store.segmentFiles.committed(target.info, cache: cache),
        dead: manifest.deletedRows[target.info.id], schema: manifest.schema)
    }
    var new = SegmentSums()
    for info in made.segments {
      try new.add(
        store.segmentFiles.temporary(info, cache: cache), dead: nil, schema: manifest.schema)
    }
    guard request.isDroppingRows || old == new else {
      throw TallyError(
        .internal, "sums would change by erasing an identity; nothing was committed")
    }
    before.add(old)
    after.add(new)
  }

  // MARK: Dictionaries

  /// Columns of which some row still has the identity.
  private func columnsInUse(_ codes: [Int: SymbolCode]) throws(TallyError) -> Set<Int> {
    var used: Set<Int> = []
    for reader in try store.snapshot().segments {
      let footer = try reader.footer()
      for (column, code) in codes where !used.contains(column) {
        if footer.column(id: column)?.localDictionary.contains(code) == true {
          used.insert(column)
        }
      }
    }
    return used
  }

  /// Puts placeholders in the place of entries that no row has.
  ///
  /// - Returns: the columns that were changed.
  private mutating func eraseEntries(
    _ codes: [Int: SymbolCode]
  ) throws(TallyError) -> Set<Int> {
    let used = try columnsInUse(codes)
    let unused = codes.filter { !used.contains($0.key) }
    try DictionaryErasure(store: store).erase(unused.mapValues { [$0] })
    receipt.entryCount = unused.count
    return Set(unused.keys)
  }

  /// Erases rows that were on their way with the code of an entry while it went.
  private mutating func eraseLateRows(_ codes: [Int: SymbolCode]) throws(TallyError) {
    try store.flush()
    try eraseRows(codes)
  }

  // MARK: Producers

  /// Puts fingerprints in the place of producers' names that have the identity.
  private mutating func eraseProducers() throws(TallyError) {
    guard let buffer = store.buffer else { return }
    var names: [String] = []
    try store.publish([]) { manifest throws(TallyError) in
      let edit = buffer.eraseProducers(in: manifest) { isProducerErased($0) }
      names = edit.producersRemoved
      return edit
    }
    receipt.producerCount = names.count
  }

  private func isProducerErased(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    return unsafe bytes.withUnsafeBufferPointer { unsafe pattern.isTokenIn($0) }
  }

  // MARK: Files

  private mutating func removeFiles() throws(TallyError) {
    receipt.removedFileCount += try discardLog()
    // Edits of the past go with the manifest's old file.
    try store.renewManifest()
    for directory in [store.layout.quarantined, store.layout.rejects] {
      guard try store.fileSystem.kind(of: directory) == .directory else { continue }
      for name in try store.fileSystem.contents(ofDirectory: directory) {
        try store.fileSystem.remove(directory.appending(name))
        receipt.removedFileCount += 1
      }
      try store.fileSystem.synchronizeDirectory(directory)
    }
    // What queries of this process were shown last, which keeps older files.
    _ = try store.snapshot()
    receipt.removedFileCount += store.collectGarbage()
    receipt.waitingFileCount = store.garbageCount
  }

  /// Removes the log's records: they are in segments.
  ///
  /// - Returns: the number of files removed.
  private func discardLog() throws(TallyError) -> Int {
    let count = { () throws(TallyError) in
      try LogListing.numbers(store.layout, fileSystem: store.fileSystem).count
    }
    let countBefore = try count()
    guard countBefore > 0 else { return 0 }
    let log = try store.openLog()
    try log.startFile()
    try store.flush()
    log.discard(upTo: try store.committedManifest().appliedLSN)
    try store.fileSystem.synchronizeDirectory(store.layout.log)
    let numbers = try LogListing.numbers(store.layout, fileSystem: store.fileSystem)
    let newest = try store.committedManifest().logNumber
    if let left = numbers.first(where: { $0 < newest }) {
      throw TallyError(
        .io, "log file \(left) could not be removed", hint: "erase again",
        path: store.layout.logFile(number: left).string)
    }
    return max(0, countBefore + 1 - numbers.count)
  }

  // MARK: Receipt

  private mutating func noteRemains(_ codes: [Int: SymbolCode]) throws(TallyError) {
    let snapshot = try store.committedSnapshot()
    let identityIDs = Set(IdentitySearch.identityColumns(snapshot.schema).map(\.id))
    let identity = ByteString(request.identity)
    for column in snapshot.schema.columns where column.type == .symbol {
      let table = try snapshot.dictionary(column: column.id).table
      if table.find(identity) != nil, !request.isDryRun || !identityIDs.contains(column.id) {
        receipt.remains.append(
          ErasureReceipt.Remain(
            column: column.name,
            reason: identityIDs.contains(column.id)
              ? (request.org == nil ? "events have brought it back" : "other orgs have it")
              : "it is not a column of identities"))
      }
      let count = longerEntryCount(table)
      if count > 0 {
        receipt.remains.append(
          ErasureReceipt.Remain(
            column: column.name, reason: "it is part of \(count) longer values"))
      }
    }
  }

  private func longerEntryCount(_ table: StringTable) -> Int {
    unsafe table.heap.withUnsafeBufferPointer { heap in
      (0..<table.count).count { index in
        let range = table.offsets[index]..<table.offsets[index + 1]
        guard range.count > pattern.bytes.count else { return false }
        // SAFETY: a table's offsets ascend and end at the length of its heap.
        return unsafe pattern.isTokenIn(UnsafeBufferPointer(rebasing: heap[range]))
      }
    }
  }

  private mutating func finish() throws(TallyError) {
    let manifest = try store.committedManifest()
    receipt.timeMicroseconds = WallClock.nowMicroseconds()
    receipt.storeID =
      Eraser.hexadecimal(manifest.storeID.high)
      + Eraser.hexadecimal(manifest.storeID.low)
    receipt.identityHash = unsafe pattern.bytes.withUnsafeBufferPointer { bytes in
      Eraser.hexadecimal(
        unsafe store.fingerprinter.fingerprint(org: nullSymbolCode, id: bytes))
    }
    receipt.isOfOneOrg = request.org != nil
    receipt.isDroppingRows = request.isDroppingRows
    if !request.isDryRun { receipt.setSums(before, after, manifest.schema) }
    guard !request.isDryRun else { return }
    try ReceiptFile.write(
      receipt, generation: manifest.generation, layout: store.layout,
      fileSystem: store.fileSystem)
  }

  private static func hexadecimal(_ word: UInt64) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
