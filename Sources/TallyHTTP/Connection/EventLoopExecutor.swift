internal import NIOCore

/// Runs tasks on an event loop: a connection's task on the thread that its bytes come in on. So no
/// request waits for the process's shared threads, which others may keep busy.
final class EventLoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(_ loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute {
      // SAFETY: the loop runs what it is given once, and keeps this executor until then.
      unsafe job.runSynchronously(on: self.asUnownedTaskExecutor())
    }
  }
}
