package import TallyBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension TallyError {
  /// What a failed system call means to the person who reads it.
  ///
  /// - Parameters:
  ///   - call: the system call's name, as its man page has it.
  ///   - number: `errno` as the call left it.
  /// - Returns: an `io` error; `diskFull` where space ran out, `invalidArgument` where the path
  ///   itself is the mistake.
  package static func systemCall(_ call: String, path: String, errno number: Int32) -> TallyError {
    let text = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
    return TallyError(
      code(of: number), "\(call) of '\(path)' failed: \(text)", hint: hint(for: number),
      path: path)
  }

  private static func code(of number: Int32) -> Code {
    switch number {
    case ENAMETOOLONG, ELOOP: .invalidArgument
    case ENOSPC, EDQUOT: .diskFull
    default: .io
    }
  }

  private static func hint(for number: Int32) -> String? {
    switch number {
    case ENOSPC: "the disk is full: free some space, then run the command again"
    case EDQUOT: "the disk quota is used up: free some space, then run the command again"
    case EACCES, EPERM: "check the owner and permissions of the file and of the directories above"
    case EROFS: "the file system is mounted read-only"
    case ENOENT: "check the path; it may have been moved or removed"
    case EISDIR: "a file was expected here, this is a directory"
    case ENOTDIR: "a part of the path that should be a directory is a file"
    case EMFILE, ENFILE: "too many files are open: raise the limit with 'ulimit -n'"
    case EIO: "the disk reports a failure: check its health before writing to it again"
    case ENAMETOOLONG: "use a shorter path"
    default: nil
    }
  }
}
