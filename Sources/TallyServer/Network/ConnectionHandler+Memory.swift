internal import NIOCore

/// How a connection that sends events waits while there are too many everywhere.
extension ConnectionHandler {
  /// Whether the connection is not to be read now; it is read again when there is room.
  func isHeld(_ context: ChannelHandlerContext) -> Bool {
    guard machine?.hasInserted == true, case .held(let end) = server.memory.verdict(at: now) else {
      return false
    }
    if heldSince != nil { return true }
    let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    let loop = context.eventLoop
    let waits = server.memory.wait(number) { loop.execute { handler.value.resume(bound.value) } }
    guard waits else { return false }
    heldSince = now
    loop.scheduleTask(deadline: .uptimeNanoseconds(end)) { handler.value.resume(bound.value) }
    return true
  }

  private func resume(_ context: ChannelHandlerContext) {
    guard let start = heldSince else { return }
    heldSince = nil
    let milliseconds = Int((now &- start) / 1_000_000)
    update(context) { machine, _ in machine.noteHeld(milliseconds: milliseconds) }
  }

  /// Tells everybody how much of this connection waits to be written.
  func reportMemory() {
    let count = machine?.heldByteCount ?? 0
    guard count != reportedByteCount else { return }
    server.memory.change(by: count - reportedByteCount, at: now)
    reportedByteCount = count
  }
}
