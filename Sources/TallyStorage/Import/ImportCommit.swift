import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// The steps from sorted runs to a committed import.
///
/// Order of the steps, each durable before the next: segment files; their names in the partitions;
/// dictionary entries; the manifest's edit, which is the commit. Whatever precedes it is garbage
/// until then, and is removed here on failure or by the next writer after a crash.
struct ImportCommit {
  private let bulk: BulkImport
  private let schema: Schema
  private let dictionaries: ImportDictionaries
  private let rowByteCount: Int
  private let writer: RunWriter
  /// Segments moved to their partitions.
  private var moved: [SegmentInfo] = []

  private var layout: StoreLayout { bulk.store.layout }
  private var fileSystem: any FileSystem { bulk.store.fileSystem }

  /// Syncs wait for the disk, not for a core: this many at once let it group them.
  private static let syncThreadCount = 8

  init(
    _ bulk: BulkImport, schema: Schema, dictionaries: ImportDictionaries, rowByteCount: Int
  ) {
    self.bulk = bulk
    self.schema = schema
    self.dictionaries = dictionaries
    self.rowByteCount = rowByteCount
    writer = bulk.runWriter(schema)
  }

  /// - Parameter runs: everything the import wrote, by day; gone when this throws.
  mutating func run(_ runs: [Day: [SortedRun]]) throws(TallyError) -> BulkImport.Summary {
    guard !runs.isEmpty else {
      return BulkImport.Summary(
        rowCount: 0, segmentCount: 0, byteCount: 0, generation: bulk.manifest.generation)
    }
    let live = LiveRuns(runs)
    do throws(TallyError) {
      try merge(live)
      return try publish(live.segments())
    } catch {
      removeAll(live)
      throw error
    }
  }

  private mutating func publish(
    _ segments: [SegmentInfo]
  ) throws(TallyError) -> BulkImport.Summary {
    try synchronize(segments)
    try move(segments)
    var edit = ManifestEdit()
    edit.nextSegmentID = bulk.store.segmentIDs.end
    edit.columnsAdded = Array(schema.columns.dropFirst(bulk.manifest.schema.columns.count))
    edit.segmentsAdded = segments
    let tables = dictionaries.grown
    edit.dictionaries = try appendDictionaries(tables)
    let snapshot = try bulk.store.commit(edit, tables: tables)
    try? fileSystem.remove(layout.importMarker)
    return BulkImport.Summary(
      rowCount: segments.reduce(0) { $0 + $1.rowCount }, segmentCount: segments.count,
      byteCount: segments.reduce(0) { $0 + $1.byteCount }, generation: snapshot.generation)
  }

  // MARK: Merging

  /// The runs that exist on disk while days are merged on several threads.
  private final class LiveRuns: Sendable {
    private let runs: Mutex<[Day: [SortedRun]]>

    init(_ runs: [Day: [SortedRun]]) { self.runs = Mutex(runs) }

    subscript(day: Day) -> [SortedRun] {
      get { runs.withLock { $0[day] ?? [] } }
      set { runs.withLock { $0[day] = newValue } }
    }

    var days: [Day] { runs.withLock { $0.keys.sorted() } }

    func set(_ day: Day, _ value: [SortedRun]) { runs.withLock { $0[day] = value } }

    /// Ascending by day, each day's in their order.
    func segments() -> [SegmentInfo] {
      days.flatMap { day in self[day].flatMap(\.segments) }
    }
  }

  /// Leaves one run a day. Days that fit into a thread's share of memory are merged side by side,
  /// larger ones after each other.
  private func merge(_ live: LiveRuns) throws(TallyError) {
    let days = live.days.filter { live[$0].count > 1 }
    let budget = max(1, bulk.options.memoryByteCountMax / 8 * 5)
    let share = budget / bulk.pool.threadCount
    let large = days.filter { day in
      live[day].reduce(0) { $0 + $1.rowCount } * rowByteCount > share
    }
    let small = days.filter { !large.contains($0) }
    let merger = RunMerger(
      writer: writer, pieceRowCountMax: max(RunMerger.pieceRowCountMin, budget / rowByteCount))
    try bulk.pool.run(count: small.count) { (task, _) throws(TallyError) in
      live.set(small[task], [try merger.merge(live[small[task]], day: small[task])])
    }
    for day in large { live.set(day, [try merger.merge(live[day], day: day)]) }
  }

  // MARK: Making files durable

  private func synchronize(_ segments: [SegmentInfo]) throws(TallyError) {
    let layout = layout
    let fileSystem = fileSystem
    try inParallel(segments.count) { (task) throws(TallyError) in
      let file = try fileSystem.open(layout.temporarySegment(id: segments[task].id), .readWrite)
      try file.synchronize()
      try file.close()
    }
  }

  private mutating func move(_ segments: [SegmentInfo]) throws(TallyError) {
    try mark()
    var days: [Day] = []
    var hasNewPartition = false
    for segment in segments where days.last != segment.day {
      days.append(segment.day)
      let partition = layout.partition(segment.day)
      if try fileSystem.kind(of: partition) == nil {
        try fileSystem.createDirectory(partition)
        hasNewPartition = true
      }
    }
    for segment in segments {
      moved.append(segment)
      try fileSystem.rename(
        layout.temporarySegment(id: segment.id),
        to: layout.segment(day: segment.day, id: segment.id))
    }
    let layout = layout
    let fileSystem = fileSystem
    let partitions = days
    try inParallel(partitions.count) { (task) throws(TallyError) in
      try fileSystem.synchronizeDirectory(layout.partition(partitions[task]))
    }
    if hasNewPartition { try fileSystem.synchronizeDirectory(layout.partitions) }
  }

  /// Leaves word for the next writer, in case this one dies, that partitions hold segments which
  /// no manifest names.
  private func mark() throws(TallyError) {
    if try fileSystem.kind(of: layout.importMarker) == nil {
      try fileSystem.open(layout.importMarker, .createNew).close()
    }
    try fileSystem.synchronizeDirectory(layout.temporary)
  }

  private func appendDictionaries(
    _ tables: [Int: StringTable]
  ) throws(TallyError) -> [Int: DictionaryExtent] {
    var extents: [Int: DictionaryExtent] = [:]
    var hasNewFile = false
    for (column, table) in tables.sorted(by: { $0.key < $1.key }) {
      let extent = dictionaries.extent(column: column)
      if extent.byteCount == 0 { hasNewFile = true }
      extents[column] = try DictionaryAppender.append(
        table, column: column, extent: extent, storeID: bulk.manifest.storeID, layout: layout,
        fileSystem: fileSystem)
    }
    if hasNewFile { try fileSystem.synchronizeDirectory(layout.dictionaries) }
    return extents
  }

  private func inParallel(
    _ count: Int, _ body: @escaping @Sendable (_ task: Int) throws(TallyError) -> Void
  ) throws(TallyError) {
    let threads = bulk.options.threadCount <= 1 ? 1 : min(count, ImportCommit.syncThreadCount)
    try WorkerPool(threadCount: threads).run(count: count) { (task, _) throws(TallyError) in
      try body(task)
    }
  }

  // MARK: Undoing

  /// Removes the import's files, unless a commit of unknown outcome may name them.
  private func removeAll(_ live: LiveRuns) {
    guard !bulk.store.isCommitInDoubt else { return }
    for segment in moved {
      try? fileSystem.remove(layout.segment(day: segment.day, id: segment.id))
      try? fileSystem.removeDirectory(layout.partition(segment.day))
    }
    for day in live.days {
      for run in live[day] { writer.remove(run) }
    }
    try? fileSystem.remove(layout.importMarker)
  }
}
