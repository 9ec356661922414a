/// How a service's process ends, for whoever supervises it.
public enum ExitCode: Int32, Sendable {
    /// It was asked to stop, or had nothing left to do, and has finished everything.
    case stopped = 0
    /// A service ended with a fault, or stopping took longer than `WINNOW_SHUTDOWN_TIMEOUT_SECONDS`.
    case failed = 1
    /// A setting is missing or wrong: starting it again without a change is in vain.
    case misconfigured = 2
}
