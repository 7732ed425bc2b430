#include <editline/readline.h>
#include <histedit.h>

/* The library's settings are mutable globals, which Swift does not let through; these reach
   them. Call from the thread that reads lines. */

static inline void edit_set_up(const char *name, const char *word_breaks,
                               rl_completion_func_t *complete) {
  rl_readline_name = name;
  rl_completer_word_break_characters = (char *)word_breaks;
  rl_attempted_completion_function = complete;
  rl_catch_signals = 0;
}

/* The line as typed so far. */
static inline const char *edit_line(void) { return rl_line_buffer; }

/* No fallback to file names; append a space after a sole match or not. */
static inline void edit_finish_completion(int appended_character) {
  rl_attempted_completion_over = 1;
  rl_completion_append_character = appended_character;
}
