internal import Synchronization
internal import Tally
internal import TallyBase
internal import TallyWire

/// Replies to questions that were asked since the store last changed: a dashboard asks the same
/// questions again and again, from many screens.
///
/// A reply is given again only while nothing has changed that the question might see, so it is
/// never older than what computing it anew would show. Two generations are kept: when the younger
/// has half of the memory it becomes the elder, and what nobody asked for meanwhile is forgotten.
final class ReplyCache: Sendable {
  private struct Key: Hashable {
    var text: String
    var parameters: [Value]
    /// Whose rows were read.
    var org: String?
    var settings: QuestionSettings
    var format: ResultFormat?
    var hasHeader: Bool?
    var rowCountMax: Int?
    var allowsPartialAnswers: Bool?

    init(_ question: Question, _ options: QueryOptions) {
      text = question.text
      parameters = question.parameters
      org = question.org
      settings = question.settings
      format = options.format
      hasHeader = options.hasHeader
      rowCountMax = options.rowCountMax
      allowsPartialAnswers = options.allowsPartialAnswers
    }
  }

  private struct Entry {
    var reply: KeptReply
    /// Times of asking, in microseconds, for which it is the answer.
    var times: ClosedRange<Int64>
  }

  private struct State {
    /// What the store's count of changes was for all replies here.
    var changeCount: UInt64 = 0
    var young: [Key: Entry] = [:]
    var old: [Key: Entry] = [:]
    var youngByteCount = 0
  }

  /// Of a key and an entry beside the text and the reply.
  private static let entryByteCount = 512
  /// Longer questions are not kept.
  private static let textByteCountMax = 4_096

  private let byteCountMax: Int
  private let state = Mutex(State())

  /// - Parameter byteCountMax: 0: nothing is kept.
  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Whether anything is kept.
  var isOn: Bool { byteCountMax > 0 }

  /// The reply to a question that is asked now, if it is known.
  ///
  /// - Parameter changeCount: the store's count of changes.
  func find(
    _ question: Question, _ options: QueryOptions, changeCount: UInt64
  ) -> KeptReply? {
    guard isOn else { return nil }
    let now = Timestamp.now.microsecondsSinceEpoch
    let key = Key(question, options)
    return state.withLock { state in
      guard state.changeCount == changeCount else { return nil }
      if let entry = state.young[key] { return entry.times.contains(now) ? entry.reply : nil }
      guard let entry = state.old[key], entry.times.contains(now) else { return nil }
      insert(entry, key, &state)
      return entry.reply
    }
  }

  /// Keeps a reply.
  ///
  /// - Parameter changeCount: the store's count of changes before it was read.
  func insert(
    _ reply: KeptReply, times: ClosedRange<Int64>, for question: Question,
    _ options: QueryOptions, changeCount: UInt64
  ) {
    guard isOn, question.text.utf8.count <= ReplyCache.textByteCountMax else { return }
    let key = Key(question, options)
    state.withLock { state in
      guard changeCount >= state.changeCount else { return }
      if changeCount > state.changeCount { state = State(changeCount: changeCount) }
      insert(Entry(reply: reply, times: times), key, &state)
    }
  }

  private func insert(_ entry: Entry, _ key: Key, _ state: inout State) {
    let byteCount = entry.reply.byteCount + key.text.utf8.count + ReplyCache.entryByteCount
    if state.youngByteCount + byteCount > byteCountMax / 2 {
      state.old = state.young
      state.young = [:]
      state.youngByteCount = 0
    }
    guard byteCount <= byteCountMax / 2 else { return }
    if state.young.updateValue(entry, forKey: key) == nil { state.youngByteCount += byteCount }
  }
}
