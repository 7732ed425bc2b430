package import ArgumentParser
package import TallyBase
package import TallyFormat
internal import TallyLanguage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An error together with the text it is about, for the caret.
package struct SourcedError: Error {
  package var error: TallyError
  package var source: String
  /// The number of the text's first line in its file.
  package var line = 1

  package init(error: TallyError, source: String, line: Int = 1) {
    self.error = error
    self.source = source
    self.line = line
  }
}

/// How the process ends.
package enum CommandExit {
  /// The exit code of an error; the codes are a contract.
  package static func code(_ error: TallyError) -> Int32 {
    switch error.code {
    case .cancelled: 130
    case .io, .diskFull, .corruption, .locked, .version, .internal: 3
    // About a file or a store, not about a query.
    case .invalidArgument where error.path != nil: 3
    default: 1
    }
  }

  /// Writes an error to standard error, with the line of the query it is about.
  package static func report(_ error: TallyError, source: String?, line: Int = 1) {
    writeError(renderer(line).render(error, source: source))
  }

  /// Writes the notes about a query that ran to standard error.
  package static func report(_ warnings: [ResultTable.Warning], source: String, line: Int = 1) {
    for warning in warnings {
      writeError(
        renderer(line).renderWarning(
          warning.message, span: warning.span, hint: warning.hint, source: source))
    }
  }

  private static func renderer(_ line: Int) -> DiagnosticRenderer {
    DiagnosticRenderer(
      width: Environment.width(STDERR_FILENO) ?? 100,
      isColored: Environment.isColored(STDERR_FILENO), firstLine: line)
  }

  /// Reports `error`, if there is something to say, and ends the process.
  package static func leave(
    with error: any Error, root: (any ParsableCommand.Type)? = nil
  ) -> Never {
    switch error {
    case let error as SourcedError:
      report(error.error, source: error.source, line: error.line)
      exit(code(error.error))
    case let error as TallyError:
      report(error, source: nil)
      exit(code(error))
    case is BrokenPipe:
      exit(0)
    default:
      leave(withUsage: error, root)
    }
  }

  /// Help goes to standard output; a wrong command line to standard error, with code 2.
  private static func leave(
    withUsage error: any Error, _ root: (any ParsableCommand.Type)?
  ) -> Never {
    if let code = error as? ExitCode { exit(code.rawValue) }
    guard let root else {
      writeError("error: \(error)\n")
      exit(2)
    }
    let message = root.fullMessage(for: error)
    guard root.exitCode(for: error) == .success else {
      writeError(message + "\n")
      exit(2)
    }
    let output = OutputBuffer.standardOutput()
    try? output.write(message + "\n")
    try? output.flush()
    exit(0)
  }
}
