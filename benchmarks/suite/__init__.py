"""Many runs in one go: bundles x runtimes x threads x delegates."""
