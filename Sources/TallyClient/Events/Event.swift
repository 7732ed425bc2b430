internal import TallyBase
internal import TallyWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension TallyClient {
  /// One event: values by the names of their columns.
  ///
  ///     let event: TallyClient.Event = ["model": "gpt-5", "input_tokens": 812, "cost": 0.0123]
  ///
  /// Names of no column become new ones. NULL is no value.
  public struct Event: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// Microseconds since 1970, UTC. A value named `time` counts instead, if there is one.
    public var time: Int64
    /// By the names of their columns.
    public var values: [String: Value]

    /// - Parameter time: microseconds since 1970, UTC; nil: now.
    public init(time: Int64? = nil, _ values: [String: Value]) {
      self.time = time ?? Event.now
      self.values = values
    }

    /// An event of now; the last of several values of a name counts.
    public init(dictionaryLiteral elements: (String, Value)...) {
      self.init(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }

    /// Microseconds since 1970 on this machine's clock.
    public static var now: Int64 {
      var time = timespec()
      // SAFETY: the call writes to its argument only.
      unsafe clock_gettime(CLOCK_REALTIME, &time)
      return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1_000
    }

    /// Appends it as a JSON object in a line. Names come in order, so that what is sent again is
    /// the same.
    func append(to bytes: inout [UInt8]) {
      var named = values
      if named["time"] == nil { named["time"] = .timestamp(microseconds: time) }
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      for (name, value) in named.sorted(by: { $0.key < $1.key }) where value != .null {
        // A list of one parameter is a JSON value in brackets.
        let key = ParameterList.text([.text(ByteString(name))]).utf8.dropFirst().dropLast()
        let text = ParameterList.text([value.engineValue]).utf8.dropFirst().dropLast()
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes += Array(key)
        bytes.append(UInt8(ascii: ":"))
        bytes += Array(text)
      }
      bytes += Array("}\n".utf8)
    }
  }
}
