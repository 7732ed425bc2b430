import ArgumentParser
import SystemPackage
import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The program `tally-network`, which lies beside this one and has the commands that use the
/// network: all others start sooner without what only these need.
enum NetworkProgram {
  private static let name = "tally-network"

  /// Becomes that program if these arguments are its own.
  ///
  /// - Throws: `io` if it is not there.
  static func replaceIfNeeded(_ arguments: [String]) throws(TallyError) {
    var words = arguments.dropFirst()
    if words.first == "help" { words = words.dropFirst() }
    let isConnecting = words.contains { $0 == "--connect" || $0.hasPrefix("--connect=") }
    switch words.first {
    case "serve", "client": try replace(arguments)
    case "repl" where isConnecting: try replace(arguments)
    default: break
    }
  }

  private static func replace(_ arguments: [String]) throws(TallyError) {
    let path = try directory().appending(name).string
    var pointers = unsafe arguments.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    // It returns only if it fails.
    unsafe execv(path, &pointers)
    let reason = unsafe String(cString: strerror(errno))
    throw TallyError(
      .io, "starting \"\(path)\" failed: \(reason)",
      hint: "install \(name) in the directory of tally", path: path)
  }

  /// Where this program lies.
  private static func directory() throws(TallyError) -> FilePath {
    #if os(Linux)
      var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
      // SAFETY: the buffer is valid for its count during the call.
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe buffer.baseAddress.map { unsafe readlink("/proc/self/exe", $0, buffer.count) } ?? 0
      }
      if count > 0 {
        return FilePath(String(decoding: bytes[..<count], as: UTF8.self)).removingLastComponent()
      }
    #endif
    return FilePath(CommandLine.arguments.first ?? name).removingLastComponent()
  }
}

/// `tally serve`, of which this program knows the name only.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Take events and answer queries over TCP and HTTP.")
}

/// `tally client`, of which this program knows the name only.
struct ClientCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client", abstract: "Ask and feed a store that is served.")
}
