#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

#if LIBFUZZER
  import CFuzzer
#endif

/// Feeds bytes to what reads bytes of strangers: `TallyFuzz TARGET FILE...` gives it the files, as
/// the tests do with inputs that were trouble once. Built with libFuzzer (`make libfuzzer`),
/// `TALLY_FUZZ=TARGET TallyFuzz` makes up inputs of its own and ends when one of them is.
@main
enum FuzzMain {
  nonisolated(unsafe) private static var target: any FuzzTarget = FramerTarget()

  static func main() {
    let arguments = CommandLine.arguments
    #if LIBFUZZER
      let name = unsafe getenv("TALLY_FUZZ").map { unsafe String(cString: $0) } ?? ""
    #else
      let name = arguments.count > 1 ? arguments[1] : ""
    #endif
    guard let make = FuzzTargets.all[name] else {
      let names = FuzzTargets.all.keys.sorted().joined(separator: ", ")
      complain("found target '\(name)', expected one of \(names)")
    }
    unsafe target = make()
    #if LIBFUZZER
      var count = CommandLine.argc
      var pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
        unsafe CommandLine
        .unsafeArgv
      let code = unsafe LLVMFuzzerRunDriver(&count, &pointers) { bytes, count in
        // SAFETY: the bytes are valid during the call.
        let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
        unsafe FuzzMain.target.take(input)
        return 0
      }
      exit(code)
    #else
      for path in arguments.dropFirst(2) {
        guard let input = read(path) else { complain("\(path) cannot be read") }
        unsafe target.take(input)
      }
    #endif
  }

  private static func complain(_ text: String) -> Never {
    for byte in (text + "\n").utf8 {
      var byte = byte
      _ = unsafe write(STDERR_FILENO, &byte, 1)
    }
    exit(2)
  }

  private static func read(_ path: String) -> [UInt8]? {
    guard let file = unsafe fopen(path, "rb") else { return nil }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return bytes
  }
}
