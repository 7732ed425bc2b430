import NIOCore

/// Finds the ends of replies in the bytes of a server, and nothing else: rows are skipped.
struct BenchReplyScanner {
  /// Bytes of rows that are still to come.
  private var skipCount = 0
  /// The beginning of a line.
  private var carry: [UInt8] = []

  /// Events that were accepted, of the replies to inserts.
  private(set) var acceptedCount = 0
  private(set) var failureCount = 0
  private(set) var firstFailure: String?

  /// Replies that ended in these bytes.
  mutating func scan(_ buffer: inout ByteBuffer) -> Int {
    var count = 0
    while buffer.readableBytes > 0 {
      if skipCount > 0 {
        let step = min(skipCount, buffer.readableBytes)
        buffer.moveReaderIndex(forwardBy: step)
        skipCount -= step
        continue
      }
      let view = buffer.readableBytesView
      guard let end = view.firstIndex(of: 0x0A) else {
        carry += view
        buffer.moveReaderIndex(forwardBy: view.count)
        break
      }
      if carry.isEmpty {
        count += take(view[..<end]) ? 1 : 0
      } else {
        carry += view[..<end]
        count += take(carry) ? 1 : 0
        carry.removeAll(keepingCapacity: true)
      }
      buffer.moveReaderIndex(forwardBy: end + 1 - view.startIndex)
    }
    return count
  }

  /// Takes a line without its end; whether a reply ends with it.
  private mutating func take<Line: BidirectionalCollection<UInt8>>(_ line: Line) -> Bool {
    switch line.first {
    case UInt8(ascii: "+"):
      acceptedCount += accepted(line)
      return true
    case UInt8(ascii: "."): return true
    case UInt8(ascii: "-"):
      failureCount += 1
      if firstFailure == nil { firstFailure = String(decoding: line, as: UTF8.self) }
      return true
    case UInt8(ascii: ">"):
      // The rows, and the line feed behind them.
      skipCount = announced(line) + 1
      return false
    default: return false
    }
  }

  /// N of the `{N}` at the end.
  private func announced(_ line: some BidirectionalCollection<UInt8>) -> Int {
    var count = 0
    var weight = 1
    for byte in line.dropLast().reversed() {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10, weight < 10_000_000_000 else { break }
      count += Int(digit) * weight
      weight *= 10
    }
    return count
  }

  /// N of `+INSERT accepted=N`.
  private func accepted(_ line: some BidirectionalCollection<UInt8>) -> Int {
    let head = "+INSERT accepted="
    guard line.count > head.utf8.count, line.starts(with: head.utf8) else { return 0 }
    var count = 0
    for byte in line.dropFirst(head.utf8.count) {
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      count = count &* 10 &+ Int(digit)
    }
    return count
  }
}
