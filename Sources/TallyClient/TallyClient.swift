internal import NIOCore
internal import TallyWire

/// A client of the line protocol.
public enum TallyClient {}
