import TallyBase
import TallyIngest
import Testing

/// However the bytes arrive and are cut, the same rows and rejections come out.
@Suite struct ChunkingTests {
  private static let json = """
    {"time":1700000000,"org":"a","x":1}

    {"time":1700000001,"org":"b","x":2.5}
    nonsense
    {"time":1700000002,"org":"\\u00e9🙂","y":"s","x":3}
    {"time":1700000003,"y":4}\r
    {"time":1700000004,"org":"last"}
    """

  private static let csv = #"""
    time,org,note
    1700000000,a,"one
    two"
    1700000001,"b ""q""",
    1700000002,"bad"x,y
    1700000003,c,"a,b
    1700000004,d,plain
    """#

  private static let influx = #"""
    usage,org=a,model=m\ 1 x=1,note="a,b \"c\"" 1700000000

    # a comment
    usage,org=b x=oops 1700000001
    usage,org=é🙂 y="s",x=3 1700000002\#r
    usage,org=c input_tokens=5i,cost=0.25 1700000003000000000
    usage y="no end
    """#

  @Test(arguments: [(json, InputFormat.jsonl), (csv, .csv), (influx, .influx)])
  func `pieces and chunks of every size give the same`(
    _ text: String, _ format: InputFormat
  ) throws {
    let bytes = Array(text.utf8)
    let whole = try imported(bytes, format)
    #expect(whole.rows.count == 3)
    for pieceByteCount in 1...bytes.count {
      #expect(try imported(bytes, format, pieceByteCount: pieceByteCount) == whole)
    }
    for chunkByteCount in 1...bytes.count {
      #expect(
        try imported(bytes, format, chunkByteCount: chunkByteCount, threadCount: 2) == whole,
        "chunks of \(chunkByteCount)")
    }
  }

  @Test func `a byte order mark and a missing last line feed do not matter`() throws {
    let text = "{\"time\":1700000000}\n{\"time\":1700000001}"
    let marked = try imported([0xEF, 0xBB, 0xBF] + Array(text.utf8), nil)
    #expect(marked == (try imported(text + "\n", nil)))
    #expect(marked.rows.count == 2)
  }

  @Test func `a new column has the type of its first row in the file, whatever the threads do`()
    throws
  {
    var text = ""
    for index in 0..<2_000 {
      let value = index < 700 ? "" : index % 3 == 0 ? ",\"x\":\"s\"" : ",\"x\":\(index)"
      text += "{\"time\":1700000000\(value)}\n"
    }
    let one = try imported(Array(text.utf8), .jsonl)
    #expect(one.rejections.count > 400)
    for chunkByteCount in [100, 1_000, 10_000] {
      for threadCount in [2, 4] {
        let many = try imported(
          Array(text.utf8), .jsonl, chunkByteCount: chunkByteCount, threadCount: threadCount)
        #expect(many == one)
      }
    }
  }

  @Test func `an error of the source comes after the whole lines before it`() throws {
    let failure = TallyError(.io, "the disk is gone")
    let text = "time,org\n1700000000,a\n1700000001,b\n1700000002,cu"
    let result = try imported(Array(text.utf8), .csv, failure: failure)
    #expect(result.rows.count == 2)
    #expect(result.rejections.isEmpty)
    #expect(result.failure == failure)
  }

  @Test func `an unclosed quote over the limit costs its line only`() throws {
    let row = "1700000000,a,b\n"
    let rowCount = (3 << 20) / row.utf8.count
    let text = "time,org,note\n1700000000,\"open,b\n" + String(repeating: row, count: rowCount)
    for chunkByteCount in [1 << 18, 4 << 20] {
      var options = ImportPipeline.Options()
      options.chunkByteCount = chunkByteCount
      let sink = CountingSink()
      let input = ImportInput(name: "x.csv") { MemorySource(Array(text.utf8)) }
      let pipeline = ImportPipeline(
        options: options, schema: .standard, inputs: [input], sink: sink)
      let summary = try pipeline.run(on: WorkerPool(threadCount: 2))
      #expect(summary.rowCount == rowCount)
      #expect(summary.rejectedCount == 1)
    }
  }

  @Test func `a cancelled import throws`() throws {
    let cancellation = CancellationToken()
    cancellation.cancel()
    let input = ImportInput(name: "x") { MemorySource(Array(ChunkingTests.json.utf8)) }
    let pipeline = ImportPipeline(
      options: ImportPipeline.Options(), schema: .standard, inputs: [input], sink: CountingSink(),
      cancellation: cancellation)
    #expect(throws: TallyError.self) { try pipeline.run(on: WorkerPool(threadCount: 2)) }
  }
}

/// Takes everything and keeps nothing.
private final class CountingSink: ImportSink {
  func accept(_ batch: EventBatch) throws(TallyError) {}
  func reject(_ rejections: [Rejection], input: String) throws(TallyError) {}
}
