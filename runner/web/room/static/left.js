// After the logout: removes the drafts of forms that this browser kept.
localStorage.clear();
