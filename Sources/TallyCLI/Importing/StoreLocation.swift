import ArgumentParser
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTerminal

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Which store a command writes to, and with how many threads.
struct StoreLocation: ParsableArguments {
  @OptionGroup var database: DatabaseOptions

  @Option(help: ArgumentHelp("Threads to use (default: all processors).", valueName: "n"))
  var threads: Int?

  var path: FilePath { FilePath(database.directory) }

  var threadCount: Int {
    let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    return min(max(threads ?? processors, 1), 256)
  }

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("found --threads \(threads), expected 1 to 256")
    }
  }

  /// Opens the store for writing, creating it if nothing is there.
  func openForWriting() throws(TallyError) -> Store {
    try Store.open(path, mode: .readWrite(creating: true), fileSystem: PosixFileSystem())
  }
}
