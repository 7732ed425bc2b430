#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Variables of the environment and facts about the terminal.
package enum Environment {
  /// The value of a variable that is set and not empty.
  package static func value(_ name: String) -> String? {
    guard let pointer = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: pointer)
    return text.isEmpty ? nil : text
  }

  /// The folder that relative paths start from; `.` if the system does not tell.
  package static var workingDirectory: String {
    guard let pointer = unsafe getcwd(nil, 0) else { return "." }
    defer { unsafe free(pointer) }
    return unsafe String(cString: pointer)
  }

  package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// Whether to color what goes to `descriptor` (https://no-color.org).
  package static func isColored(_ descriptor: Int32) -> Bool {
    isTerminal(descriptor) && value("NO_COLOR") == nil && value("TERM") != "dumb"
  }

  /// Columns of the terminal behind `descriptor`, or nil if it is none.
  package static func width(_ descriptor: Int32) -> Int? {
    guard isTerminal(descriptor) else { return nil }
    if let columns = value("COLUMNS").flatMap(Int.init), columns > 0 { return columns }
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return 80
    }
    return Int(size.ws_col)
  }
}

/// Lets a write to a closed pipe fail with EPIPE instead of killing the process, so that output
/// into `head` ends quietly.
package func ignoreBrokenPipes() {
  signal(SIGPIPE, SIG_IGN)
}
