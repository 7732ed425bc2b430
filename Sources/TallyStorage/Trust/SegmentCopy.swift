import Synchronization
import SystemPackage
import TallyBase
import TallyFile

/// Copies or links segments, from any number of threads.
final class SegmentCopy: Sendable {
  private let source: StoreLayout
  private let target: StoreLayout
  private let fileSystem: any FileSystem
  private let options: CopyOptions
  private let context: SegmentContext
  /// Segments that are known to be damaged.
  private let damaged: Set<UInt64>
  private let files: SegmentFiles
  private let links = Atomic<Int>(0)
  /// Cleared by the first link that fails: the next ones would too.
  private let isLinking: Atomic<Bool>

  init(
    source: StoreLayout, target: StoreLayout, fileSystem: any FileSystem, options: CopyOptions,
    context: SegmentContext, damaged: Set<UInt64>
  ) {
    self.source = source
    self.target = target
    self.fileSystem = fileSystem
    self.options = options
    self.context = context
    self.damaged = damaged
    files = SegmentFiles(layout: source, fileSystem: fileSystem, cacheByteCountMax: 0)
    isLinking = Atomic(options.isLinking)
  }

  /// Segments that were linked.
  var linkedCount: Int { links.load(ordering: .relaxed) }

  /// - Throws: `corruption`, `version`, `io`, `diskFull`, `cancelled`.
  func copy(_ info: SegmentInfo) throws(TallyError) {
    try options.cancellation.check()
    let from = source.segment(day: info.day, id: info.id)
    let to = target.segment(day: info.day, id: info.id)
    let isKnown = damaged.contains(info.id)
    // Nothing more is lost by a file that is known to be lost.
    if isKnown, try fileSystem.kind(of: from) != .file { return }
    if options.isVerifying, !isKnown { try verify(info) }
    if link(from, to) { return }
    let file = try fileSystem.open(from, .read)
    let byteCount = try file.byteCount()
    try file.close()
    guard byteCount == info.byteCount || isKnown else {
      throw TallyError(
        .corruption, "the segment has \(byteCount) bytes, expected \(info.byteCount)",
        hint: "run 'tally verify'", path: from.string)
    }
    let copy = FileCopy(
      fileSystem: fileSystem, isVerifying: options.isVerifying,
      cancellation: options.cancellation)
    try copy.copy(from, to: to, byteCount: byteCount)
  }

  private func link(_ from: FilePath, _ to: FilePath) -> Bool {
    guard isLinking.load(ordering: .relaxed) else { return false }
    do throws(TallyError) {
      try fileSystem.link(from, to: to)
      links.add(1, ordering: .relaxed)
      return true
    } catch {
      // Another device, or no links at all; what else is wrong shows when the file is copied.
      isLinking.store(false, ordering: .relaxed)
      return false
    }
  }

  private func verify(_ info: SegmentInfo) throws(TallyError) {
    let cache = PageCache(byteCountMax: StoreVerifier.cacheByteCountMax)
    var verifier = SegmentVerifier(
      files.committed(info, cache: cache), context: context, layout: source)
    verifier.cancellation = options.cancellation
    verifier.verify(isDeep: true)
    try options.cancellation.check()
    if let error = verifier.versionError ?? verifier.systemError { throw error }
    guard let finding = verifier.findings.first(where: { $0.kind == .damage }) else { return }
    throw TallyError(
      .corruption, finding.message,
      hint:
        "'tally verify --deep' lists all damage; a store that is copied by hand can be repaired",
      path: source.root.appending(finding.path).string)
  }
}
