internal import CEdit
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Lines from the terminal, with editing, history and completion by libedit.
package final class LineEditor {
  package enum Input {
    case line(String)
    /// Ctrl-C: the line was given up.
    case interrupted
    /// Ctrl-D
    case end
  }

  /// Entries kept in the history file.
  private static let historyEntryCountMax: Int32 = 2_000
  private let historyPath: String?
  private var entry = ""

  /// What completion asks; the library has one completion function for the process.
  private static let completer = Mutex<Completer?>(nil)

  /// Constants the library keeps pointers to, allocated once for the life of the process.
  private static let name = LineEditor.lasting("tally")
  private static let wordBreaks = LineEditor.lasting(" \t\n\"'`@$><=;|&{(,)+*%")

  package init(completer: Completer) {
    historyPath =
      Environment.value("TALLY_HISTORY")
      ?? Environment.value("HOME").map { $0 + "/.tally_history" }
    LineEditor.completer.withLock { $0 = completer }
    unsafe edit_set_up(
      LineEditor.name.pointer, LineEditor.wordBreaks.pointer,
      { text, start, end in
        unsafe LineEditor.complete(text, Int(start))
      })
    using_history()
    stifle_history(LineEditor.historyEntryCountMax)
    if let historyPath { _ = unsafe read_history(historyPath) }
  }

  @safe
  private struct Lasting: @unchecked Sendable {
    // SAFETY (Sendable): the text is never written after `lasting` has made it, nor freed.
    let pointer: UnsafeMutablePointer<CChar>?
  }

  private static func lasting(_ text: String) -> Lasting { unsafe Lasting(pointer: strdup(text)) }

  /// Prompts and waits for a line.
  package func readLine(_ prompt: String) -> Input {
    Interrupt.reset()
    errno = 0
    guard let pointer = unsafe readline(prompt) else {
      guard Interrupt.wasPressed else { return .end }
      entry = ""
      writeError("\n")
      return .interrupted
    }
    defer { unsafe free(pointer) }
    return .line(unsafe String(cString: pointer))
  }

  /// Adds a line to the entry being typed, and the entry to the history once it has ended.
  package func remember(_ line: String, isEnded: Bool) {
    // A line that may end in a comment must not swallow the next one.
    let separator = entry.contains("--") ? "\n" : " "
    entry += entry.isEmpty ? line.trimmed : separator + line.trimmed
    guard isEnded else { return }
    if !entry.isEmpty { unsafe add_history(entry.trimmed) }
    entry = ""
  }

  package func saveHistory() {
    if let historyPath { _ = unsafe write_history(historyPath) }
  }

  /// The library's completion callback: an array, to be freed by the library, of what to insert
  /// and then the candidates.
  private static func complete(
    _ text: UnsafePointer<CChar>?, _ start: Int
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
    guard let text = unsafe text, let line = unsafe edit_line() else { return nil }
    let word = unsafe String(cString: text)
    let before = String(
      decoding: unsafe Array(String(cString: line).utf8).prefix(start), as: UTF8.self)
    let completion = completer.withLock { $0 }?.complete(word, after: before)
    edit_finish_completion(completion?.isOpen == true ? 0 : 32)
    guard let candidates = completion?.candidates, !candidates.isEmpty else { return nil }
    let entries = [commonPrefix(candidates, word)] + candidates
    let size = unsafe (entries.count + 1) * MemoryLayout<UnsafeMutablePointer<CChar>?>.stride
    guard let memory = unsafe malloc(size) else { return nil }
    let array = unsafe memory.bindMemory(
      to: UnsafeMutablePointer<CChar>?.self, capacity: entries.count + 1)
    // SAFETY: the array has one slot for every entry and one for the closing nil.
    for (index, entry) in entries.enumerated() { unsafe array[index] = unsafe strdup(entry) }
    unsafe array[entries.count] = nil
    return unsafe array
  }

  /// What all candidates begin with, at least `word`; ASCII case may differ.
  private static func commonPrefix(_ candidates: [String], _ word: String) -> String {
    guard var prefix = candidates.first else { return word }
    for candidate in candidates.dropFirst() {
      while !candidate.hasPrefix(prefix) { prefix.removeLast() }
    }
    return prefix.count >= word.count ? prefix : word
  }
}
