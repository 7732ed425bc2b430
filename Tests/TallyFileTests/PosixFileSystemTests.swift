import Foundation
import SystemPackage
import TallyBase
import TallyFile
import Testing

/// A directory of its own for one test, removed with it.
private final class ScratchDirectory {
  let path: FilePath

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "tally-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = FilePath(url.path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }
}

@Suite("POSIX files")
struct PosixFileSystemTests {
  private let system = PosixFileSystem()

  @Test("What is written is read back, at any offset and only to the end")
  func readsAndWrites() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.path.appending("file")
    let file = try system.open(path, .createNew)
    try file.write(Array("hello".utf8), at: 0)
    try file.write(Array("world".utf8), at: 7)
    try file.synchronize()
    #expect(try file.byteCount() == 12)
    #expect(try file.readBytes(count: 100, at: 0) == Array("hello\0\0world".utf8))
    #expect(try file.readBytes(count: 3, at: 9) == Array("rld".utf8))
    #expect(try file.readBytes(count: 3, at: 99).isEmpty)
    try file.truncate(to: 5)
    try file.close()
    try file.close()
    #expect(try system.readFile(path, byteCountMax: 10) == Array("hello".utf8))
    #expect(throws: TallyError.self) { _ = try system.readFile(path, byteCountMax: 4) }
    let error = #expect(throws: TallyError.self) { _ = try file.byteCount() }
    #expect(error?.code == .io)
  }

  @Test("Directories list, rename and remove")
  func directories() throws {
    let scratch = try ScratchDirectory()
    let directory = scratch.path.appending("d")
    try system.createDirectory(directory)
    try system.createDirectory(directory)
    try system.open(directory.appending("b"), .createNew).close()
    try system.open(directory.appending("a"), .createNew).close()
    #expect(try system.contents(ofDirectory: directory) == ["a", "b"])
    try system.rename(directory.appending("a"), to: directory.appending("b"))
    try system.synchronizeDirectory(directory)
    #expect(try system.contents(ofDirectory: directory) == ["b"])
    #expect(try system.kind(of: directory) == .directory)
    #expect(try system.kind(of: directory.appending("b")) == .file)
    #expect(try system.kind(of: directory.appending("b").appending("c")) == nil)
    #expect(throws: TallyError.self) { try system.removeDirectory(directory) }
    try system.remove(directory.appending("b"))
    try system.removeDirectory(directory)
    #expect(try system.kind(of: directory) == nil)
  }

  @Test("Errors name the call, the path and the reason")
  func errors() throws {
    let scratch = try ScratchDirectory()
    let missing = scratch.path.appending("missing")
    let file = scratch.path.appending("file")
    try system.open(file, .createNew).close()
    let expected: [(String, () throws -> Void)] = [
      ("No such file", { _ = try system.open(missing, .read) }),
      ("File exists", { _ = try system.open(file, .createNew) }),
      ("File exists", { try system.createDirectory(file) }),
      ("Is a directory", { _ = try system.open(scratch.path, .readWrite) }),
      ("Not a directory", { _ = try system.open(file.appending("x"), .read) }),
      ("No such file", { _ = try system.contents(ofDirectory: missing) }),
      ("No such file", { try system.synchronizeDirectory(missing) }),
    ]
    for (text, body) in expected {
      let error = #expect(throws: TallyError.self) { try body() }
      #expect(error?.code == .io)
      #expect(error?.message.contains(text) == true, "\(String(describing: error))")
      #expect(error?.path?.hasPrefix(scratch.path.string) == true)
    }
    let full = TallyError.systemCall("write", path: "x", errno: ENOSPC)
    #expect(full.code == .diskFull)
    #expect(full.hint?.contains("disk is full") == true)
  }

  @Test("A second locking fails in the same process and names the first; release frees it")
  func lock() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.path.appending("LOCK")
    let first = try system.lock(path, owner: "process 1, since then")
    let error = #expect(throws: TallyError.self) { _ = try system.lock(path, owner: "second") }
    #expect(error?.code == .locked)
    #expect(error?.message.contains("process 1, since then") == true)
    first.release()
    try system.lock(path, owner: "third").release()
  }
}
