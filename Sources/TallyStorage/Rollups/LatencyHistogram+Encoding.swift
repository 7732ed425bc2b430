package import TallyBase

/// A histogram: number of buckets that occur, varint; per bucket the distance to the one before
/// (the first: its number) signed varint, then its count less 1, varint.
extension LatencyHistogram {
  package func append(to writer: inout ByteWriter) {
    writer.appendVarint(counts.reduce(0) { $1 == 0 ? $0 : $0 + 1 })
    var previous = 0
    forEach { bucket, count in
      writer.appendSignedVarint(Int64(bucket - previous))
      writer.appendVarint(count - 1)
      previous = bucket
    }
  }

  /// - Throws: `corruption`.
  package init(_ reader: inout ByteReader) throws(TallyError) {
    self.init()
    try LatencyHistogram.read(&reader) { add(bucket: $0, count: UInt64($1)) }
  }

  /// Calls `body` with each bucket of a histogram, ascending.
  static func read(
    _ reader: inout ByteReader, _ body: (_ bucket: Int, _ count: UInt32) -> Void
  ) throws(TallyError) {
    let count = try reader.readCount(upTo: 2 * bucketMax + 1, "the number of buckets")
    var previous: Int64 = 0
    for index in 0..<count {
      let distance = try reader.readSignedVarint()
      let before = try reader.readVarint()
      let (bucket, isTooFar) = previous.addingReportingOverflow(distance)
      guard !isTooFar, index == 0 || distance > 0, bucket.magnitude <= UInt64(bucketMax) else {
        throw reader.corruption("bucket \(bucket) follows bucket \(previous)")
      }
      guard before < UInt64(UInt32.max) else {
        throw reader.corruption("bucket \(bucket) occurs \(before) times and once more")
      }
      body(Int(bucket), UInt32(before) + 1)
      previous = bucket
    }
  }
}
