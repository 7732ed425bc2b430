import TallyBase
import TallyClient

extension TallyError {
  /// The kinds of error that a server tells by other names.
  private static let codes: [String: Code] = [
    "E_PARSE": .syntax, "E_BIND": .binding, "E_UNSUPPORTED": .unsupported,
    "E_VALUE": .invalidArgument, "E_LIMIT": .resourceExhausted, "E_CANCELLED": .cancelled,
    "E_TIMEOUT": .timeout, "E_INPUT": .invalidInput, "E_TYPE": .invalidInput,
    "E_UNKNOWN_COLUMN": .invalidInput, "E_FORBIDDEN": .forbidden, "E_AUTH": .forbidden,
    "E_TLS_REQUIRED": .forbidden, "E_RATE": .resourceExhausted, "E_BUSY": .resourceExhausted,
    "E_DISK_FULL": .diskFull, "E_CORRUPT": .corruption, "E_INTERNAL": .internal,
  ]

  /// The error of a client as the command line tells it: places are those of the text sent.
  init(_ error: TallyClientError) {
    let place = error.place.flatMap { place in
      place.offset.map { SourceSpan($0, $0 + (place.length ?? 0)) }
    }
    let code = TallyError.codes[error.code.rawValue] ?? .io
    // Errors about a statement say all by themselves; others are looked up by their code.
    let isPlain = place != nil || code == .cancelled
    self.init(
      code, isPlain ? error.message : "\(error.message) [\(error.code.rawValue)]",
      span: place, hint: error.hint)
  }
}
