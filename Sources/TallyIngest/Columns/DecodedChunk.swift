package import TallyBase

/// A column that the rows of a chunk brought along.
package struct NewColumn: Hashable, Sendable {
  package var name: String
  package var type: LogicalType

  package init(name: String, type: LogicalType) {
    self.name = name
    self.type = type
  }
}

/// What a decoder made of one chunk.
package struct DecodedChunk: Sendable {
  /// The accepted rows, in the order of the input.
  package var batch: EventBatch
  /// The rest. Lines count from 1 at the start of the chunk.
  package var rejections: [Rejection]
  /// Columns of `batch` that the schema lacks, in order of first appearance.
  package var newColumns: [NewColumn]
  /// Line feeds in the chunk.
  package var lineCount: Int
  /// Whether a row was rejected because the schema had no room for another column.
  package var reachedColumnLimit: Bool
}

/// Turns chunks of text into rows. One worker owns one decoder: it keeps buffers and what it
/// learned about the field order from chunk to chunk, but no rows.
package protocol ChunkDecoder: AnyObject {
  /// Whose rows are taken, besides those that name no org; nil: everybody's.
  var ownOrg: ByteString? { get set }

  /// Decodes a sealed chunk against the columns known so far.
  ///
  /// - Complexity: O(`chunk.count`).
  func decode(_ chunk: TextChunk, schema: Schema) -> DecodedChunk
}
