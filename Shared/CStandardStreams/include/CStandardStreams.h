#pragma once

// Linking this opens /dev/null for each standard stream that the parent process has closed. Otherwise the next file or
// socket gets the number of a closed stream, and output and logs are written into it.
