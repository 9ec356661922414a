import Glibc

/// Where a chaos run ends a process inside its delivery loop, or inside a chore of the keeper. Debug builds only.
///
/// A point is armed by a file `SERVICE.POINT` in the folder that `WINNOW_FAULT_DIRECTORY` names, where a chore's service is
/// `keeper.CHORE`; the process that reaches it removes the file and dies as by SIGKILL, so that a file is one fault.
public enum FaultPoint: String, CaseIterable, Sendable {
    /// A batch was polled, nothing is done.
    case beforeApply = "before-apply"
    /// The transaction is committed, nothing is emitted.
    case afterCommit = "after-commit"
    /// What the state calls for is acknowledged.
    case afterEmit = "after-emit"
    /// The next call would commit the offsets.
    case beforeOffsetCommit = "before-offset-commit"

    public func reached(by service: String) {
        #if DEBUG
            guard let directory = Self.directory, unlink("\(directory)/\(service).\(rawValue)") == 0 else { return }
            kill(getpid(), SIGKILL)
        #endif
    }

    #if DEBUG
        private static let directory = getenv("WINNOW_FAULT_DIRECTORY").map { String(cString: $0) }
    #endif
}
